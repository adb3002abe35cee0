"""What is found out about a file."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from femtobarn.data.catalogue import RecognisedName
    from femtobarn.data.columns.describe import (
        BranchDescription,
        FileDescription,
        KeyDescription,
        TreeDescription,
    )
    from femtobarn.data.formats.facts import FileFacts
    from femtobarn.data.formats.skimmed import SkimFacts

Edition = Literal["same", "another edition", "truncated", "damaged", "not compared", "not known"]
"""What a file is, compared with the published one of its name."""

FOLDERS = frozenset({"TDirectory", "TDirectoryFile"})
"""Classes of objects that only hold others."""


@dataclass(frozen=True, slots=True)
class Published:
    """How a file compares with the published one of its name.

    Parameters
    ----------
    state
        ``not compared``: the size is equal, the checksum was not computed; ``not known``: no published
        file has the name
    words
        the same, with sizes and checksums
    """

    state: Edition
    words: str


@dataclass(frozen=True, slots=True)
class Lacking:
    """A field of the event model that the format has and the file has not.

    Parameters
    ----------
    path
        the field
    branches
        the branches it would be read from, accepted alternatives joined by ``|``
    optional
        whether files of the release may lack it
    reason
        empty if the branch is absent; else what is wrong with it
    """

    path: str
    branches: tuple[str, ...]
    optional: bool
    reason: str


@dataclass(frozen=True, slots=True)
class EventModel:
    """What the event model finds in a file.

    Parameters
    ----------
    tree
        name of the tree with the events
    found
        fields that can be read
    empty
        fields of collections that the file lacks, as its format allows: 0 objects in each event
    lacking
        fields that cannot be read
    filled
        what is taken in place of what the file lacks
    """

    tree: str
    found: tuple[str, ...]
    empty: tuple[str, ...]
    lacking: tuple[Lacking, ...]
    filled: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A known format that comes near an unknown ntuple.

    Parameters
    ----------
    release
        its name
    tree
        the tree of the file that comes nearest
    found, fields
        how many of the fields it reads have a branch in that tree, and how many it has
    lacking
        what such a file has, and this one has not: a tree, branches
    """

    release: str
    tree: str
    found: int
    fields: int
    lacking: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Inspection:
    """What a ROOT file is, what it is made of, and what the event model finds in it.

    Printed, it is what ``femtobarn inspect`` shows.

    Parameters
    ----------
    name
        the file's own name
    place
        its path, or its address without user information and query
    content
        size, ROOT version, identifier, compression, objects, trees, branches
    format
        the format that was recognised; None if it is none that is known
    release
        of which release the events are, by what is in the file; None if the format is not known
    named
        what the name says; None if it is not a name of a known release
    dataset_name
        short name of the dataset in the catalogue; empty if it has none
    facts
        what the file says of itself; None if the format is not known, or a branch that would tell
        holds something else
    skim
        what a skim says of where its events are from; None if it is no skim
    published
        how it compares with the catalogue
    events
        what the event model finds; None if the format is not known
    candidates
        if the format is not known: those that come nearest, the best first
    warnings
        what does not fit together
    """

    name: str
    place: str
    content: FileDescription
    format: str | None
    release: str | None
    named: RecognisedName | None
    dataset_name: str
    facts: FileFacts | None
    skim: SkimFacts | None
    published: Published
    events: EventModel | None
    candidates: tuple[Candidate, ...]
    warnings: tuple[str, ...]

    @property
    def trees(self) -> tuple[TreeDescription, ...]:
        """The trees, in the order of the file."""
        return self.content.trees

    @property
    def objects(self) -> tuple[KeyDescription, ...]:
        """The newest version of every object that is neither tree nor folder."""
        trees = {tree.name for tree in self.trees}
        newest: dict[str, KeyDescription] = {}
        for key in self.content.keys:
            if key.class_name in FOLDERS or key.name in trees:
                continue
            if key.name not in newest or newest[key.name].cycle < key.cycle:
                newest[key.name] = key
        return tuple(newest.values())

    def matching(self, pattern: str) -> Inspection:
        """Return the same with only the branches whose name matches, and the trees that have such.

        Parameters
        ----------
        pattern
            with ``*``, ``?`` and ``[...]``; capital letters matter
        """
        trees = []
        for tree in self.trees:
            chosen = tuple(b for b in tree.branches if fnmatchcase(b.name, pattern))
            if chosen:
                trees.append(dataclasses.replace(tree, branches=chosen))
        return dataclasses.replace(self, content=dataclasses.replace(self.content, trees=tuple(trees)))

    def __str__(self) -> str:
        """Return what ``femtobarn inspect`` shows, 100 columns wide."""
        from femtobarn.api.inspect_text import plain

        return plain(self, width=100)


def ratio_of(branch: BranchDescription) -> float:
    """Return uncompressed by compressed bytes of a branch; 1 if there are none."""
    return branch.uncompressed / branch.compressed if branch.compressed else 1.0
