"""Texts hold to the words of the field: those that leave the process, the source, and the names of tests."""

import re
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.words import texts
from tests.words.banned_words import BANNED, DIALECT, find, words_of
from tests.words.texts import Text

LONGEST_NAME = 60

FOREIGN = {
    "receiver/server/worker.py",
    "receiver/simulator/token_kinds.py",
    "receiver/spool/spool_database.py",
    "receiver/spool/spool_deletion.py",
    "receiver/spool/spool_file.py",
    "receiver/store/keys.py",
    "receiver/store/records.py",
    "tests/dependencies/test_internals.py",
    "tests/faults/overload.py",
    "tests/spool/test_spool_file.py",
    "tests/store/test_tones.py",
}
"""Files with names that stay: a stored member `news`, a key `tries`, the option `--token stranger`, Python's `tell`."""


def assert_plain(found: Iterable[Text], pattern: re.Pattern[str] = BANNED) -> None:
    wrong = [f"{where}: {words} in {text[:200]!r}" for where, text in found if (words := find(pattern, text))]
    assert not wrong, "\n".join(["tests/words/banned_words.py bans these words:", *wrong])


def test_openapi_document_has_no_banned_word() -> None:
    assert_plain(texts.openapi_texts())


def test_problems_have_no_banned_word() -> None:
    assert_plain(texts.problem_texts())


def test_help_of_commands_has_no_banned_word() -> None:
    assert_plain(texts.help_texts())


def test_alerts_have_no_banned_word() -> None:
    assert_plain(texts.alert_texts())


def test_page_has_no_banned_word() -> None:
    assert_plain(texts.page_texts())


def test_readme_and_guides_have_no_banned_word() -> None:
    assert_plain(texts.documents())


@pytest.mark.parametrize("path", texts.python_files("receiver"), ids=texts.name_of)
def test_strings_of_the_package_have_no_banned_word(path: Path) -> None:
    if texts.name_of(path) not in FOREIGN:
        assert_plain(texts.strings(path))


@pytest.mark.parametrize("folder", ["receiver", "tests", "deploy"])
def test_source_has_no_word_of_the_dialect(folder: str) -> None:
    for path in texts.source_files(folder):
        if texts.name_of(path) not in FOREIGN:
            assert_plain(texts.source_texts(path), DIALECT)


def test_names_of_tests_are_short_and_have_no_banned_word() -> None:
    for path in texts.python_files("tests"):
        names = list(texts.names_of_tests(path))
        assert not [name for name in names if len(name.text) > LONGEST_NAME], path
        assert_plain(Text(where, words_of(name)) for where, name in names)
