"""Every key in Redis: its name, type, content and life. Nobody else makes a key.

The hash tag `{0}` names the partition. There is one; all keys of a partition live in one slot of a Redis
Cluster, so that one script may touch them all.

| key | type | content | life |
|---|---|---|---|
| `next` | string | the number that the newest operation record got | for ever |
| `oldest` | string | the number below which every record is gone | for ever |
| `op:<number>` | string | an operation record, as JSON (`merge.lua` says its shape) | retention |
| `cc:<client context>` | sorted set | numbers of the records under it, scored by themselves | retention |
| `call:<call id>` | string | a call record, as JSON | retention |
| `roster:<call id>` | hash | participant to its latest state (`roster.lua` has its form) | retention |
| `participants:<call id>` | list | the newest 100 notifications of participants that join or have left | retention |
| `unreadable:<call id>` | any | the value of `call:<call id>` that could not be read when an update came | its own |
| `ops:<call id>` | hash | operation id to the numbers of its records | retention |
| `oid:<operation id>` | string | the newest 16 numbers of records that know no call or no client context | retention |
| `open:<client context>` | string | the newest 16 numbers of records that know no operation id | retention |
| `due` | sorted set | numbers of records without a result, scored by when it is due, ms | for ever |
| `overdue` | sorted set | numbers of those whose result was due and has not come, scored by themselves | for ever |
| `probe` | string | nothing; `/readyz` writes it to see whether that is possible | a minute |
| `check:<random>:<kind>` | each | what `receiver check` tries each command on | a minute, at most |
| `feed` | stream | `k` kind (`o` `c` `n` `s`), `r` number or id, `v` revision, `t` tone | newest 10,000, retention |
| `changes` | stream | items of subscriptions | newest 10,000, retention |
| `quarantine` | stream | items that could not be read | newest 1,000, retention |
| `sent:<delivery>` | string | nothing; this delivery has brought `changes` or `quarantine` something | ten minutes |
| `session:<SHA-256 of its id>` | string | SHA-256 of the API key that somebody signed in with | 12 hours |
| `tries:<minute>:<SHA-256 of a network or browser, or all>` | string | number of attempts to sign in | two minutes |
| `browser:<SHA-256 of its id>` | string | nothing; this browser has signed in before | 90 days |

Kinds of the feed: `o` operation, `c` call, `n` change notification, `s` end of a session.
Retention counts from the last news; for a stream's entries from when they came, where each new record sees to it
that older ones go. A number whose record has expired or been forgotten is passed over by readers, and goes with
its key at the latest. From `due` a number goes with the result, or when it is due; from `overdue` with the result, or
when `overdue.lua` finds that its record has expired.
"""

from typing import Final

PREFIX: Final = "receiver:{0}:"
"""Stands before every key; the scripts add the rest, by the table above."""
