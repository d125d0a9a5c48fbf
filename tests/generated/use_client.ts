// Use the client that @hey-api/openapi-ts generates, as test_typescript_client.py asks for it. Compiled by `tsc`, so
// that its types are checked, too; one JSON line goes to the test for each thing done.
import { createClient } from "./client/client/index.js";
import {
  deleteOperation,
  getOperation,
  listNotifications,
  listOperations,
  registerOperation,
  streamEvents,
} from "./client/sdk.gen.js";

declare const process: { env: Record<string, string>; exit: (status: number) => never };

setTimeout(() => process.exit(1), 40_000); // a stream would be asked for again and again

const client = createClient({ baseUrl: process.env["RECEIVER_URL"], auth: process.env["RECEIVER_KEY"] });
const say = (done: string, result: unknown) => console.log(JSON.stringify({ done, result }));
const path = { clientContext: "a/b ü" };

const registered = await registerOperation({ client, path, body: {}, query: { deadline: 90 } });
say("register", registered.response?.status);

const again = await registerOperation({ client, path, headers: { "If-None-Match": "*" } });
say("precondition", again.error?.type);

const found = await getOperation({ client, path });
say("get", found.data?.clientContext);

const listed = await listOperations({ client, query: { limit: 1 } });
say("list", listed.data?.operations.map((one) => one.clientContext));

const noted = await listNotifications({ client });
say("notifications", noted.data?.notifications.map((one) => one.notification["changeType"]));

const names: string[] = [];
const ids: string[] = [];
const ended = new AbortController();
const { stream } = await streamEvents({
  client,
  query: path,
  signal: ended.signal,
  sseMaxRetryAttempts: 1,
  onSseEvent: (event) => {
    if (event.event === "bookmark" && !names.includes("bookmark")) say("listening", null);
    names.push(event.event ?? "");
    ids.push(event.id ?? "");
  },
});
const statuses: string[] = [];
for await (const data of stream) {
  if ("status" in data) statuses.push(data.status ?? "");
  if ("done" in data && data.done) break;
}
ended.abort();
say("stream", { last: names.at(-1), hasId: Boolean(ids.at(-1)), status: statuses.at(-1) });

const waited = await getOperation({ client, path, query: { wait: 20 } });
say("wait", waited.data?.status);

await deleteOperation({ client, path });
const gone = await getOperation({ client, path });
say("delete", gone.error?.type);
process.exit(0);
