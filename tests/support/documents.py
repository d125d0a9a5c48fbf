"""The documents of the project, by what tests do with them."""

from tests.support.paths import ROOT

README = ROOT / "README.md"
GUIDES_FOLDER = ROOT / "receiver/web/pages/guides"

FOR_USERS = [README, *sorted(GUIDES_FOLDER.glob("*.md"))]
"""The README and the guides, whose commands are run."""

DEPLOY_PAGES = sorted((ROOT / "deploy").rglob("*.md"))

ALL_DOCUMENTS = [
    *FOR_USERS,
    *DEPLOY_PAGES,
    *sorted((ROOT / ".github").glob("*.md")),
    *sorted((ROOT / "receiver").glob("*.md")),
    *sorted((ROOT / "tests").rglob("*.md")),
    ROOT / "CHANGELOG.md",
]
