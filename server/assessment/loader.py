"""Reads the instruments of a folder, once, at start-up. A broken file must stop the start, not a resident's test.

One file per instrument version. Files are never edited once a response refers to them, not even to retire them: the
newest version of an id that is no draft is the current one, older ones stay readable, and a newest version that says
`retired` withdraws the instrument.
"""

from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from server.assessment.checks import complaints_about, complaints_about_offers
from server.assessment.definition import BlockedInstrument, Instrument
from server.assessment.source import Document, Fault, Location, UnreadableError, read_document
from server.assessment.wording import wording_faults
from server.errors import ConfigurationError, NotFound

Known = Mapping[tuple[str, str], str]
Model = TypeVar("Model", bound=BaseModel)


class InstrumentCatalogue(Mapping[str, Instrument]):
    """The instruments that can be started, by id; all others that the folder holds through the methods."""

    def __init__(self, versions: Iterable[Instrument], blocked: Iterable[BlockedInstrument] = ()) -> None:
        self._versions = {(version.id, version.version): version for version in sorted(versions, key=_age)}
        self._startable = _startable(self._versions.values())
        self.blocked: Mapping[str, BlockedInstrument] = {instrument.id: instrument for instrument in blocked}

    def __getitem__(self, instrument_id: str) -> Instrument:
        return self._startable[instrument_id]

    def __iter__(self) -> Iterator[str]:
        return iter(self._startable)

    def __len__(self) -> int:
        return len(self._startable)

    def get_version(self, instrument_id: str, version: str) -> Instrument:
        """The definition by which an old response was given, retired or not. Raises NotFound."""
        try:
            return self._versions[instrument_id, version]
        except KeyError:
            raise NotFound(instrument=instrument_id, version=version) from None

    def versions(self) -> tuple[Instrument, ...]:
        """Every definition of the folder, drafts and retired ones too, by id and then from old to new."""
        return tuple(self._versions.values())

    def definition_hashes(self) -> Known:
        """What to keep, and to give back as `known` at the next start. Drafts may still change."""
        published = (version for version in self.versions() if version.status != "draft")
        return {(version.id, version.version): version.definition_hash for version in published}


def load_instruments(folder: Path, *, commercial: bool = False, known: Known | None = None) -> InstrumentCatalogue:
    """Load every `*.yaml` of the folder, or raise one ConfigurationError with all faults as `file:line: fault`.

    A commercial deployment may not hold a file with a non-commercial licence. `known` are the hashes under which
    versions were published before: the same version with another content is refused. Checks between the parts of a
    file need its fields to be right, and so may speak only once those are mended.
    """
    loading = _Loading(commercial=commercial, known=known or {})
    paths = _files_of(folder)
    if not paths:
        raise ConfigurationError(f"{folder}:1: is no folder with instruments")
    for path in paths:
        loading.read(path)
    loading.compare_versions()
    loading.check_offers()
    if loading.faults:
        raise ConfigurationError("\n".join(loading.report()))
    return InstrumentCatalogue((instrument for instrument, _ in loading.loaded), loading.blocked)


def _files_of(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in (".yaml", ".yml"))


class _Loading:
    """The state of one load: what was read so far, and what is wrong with it."""

    def __init__(self, *, commercial: bool, known: Known) -> None:
        self.commercial = commercial
        self.known = known
        self.loaded: list[tuple[Instrument, Document]] = []
        self.blocked: list[BlockedInstrument] = []
        self.faults: list[tuple[Path, Fault]] = []
        self.broken_ids: set[str] = set()
        self.has_unreadable = False

    def report(self) -> list[str]:
        ordered = sorted(self.faults, key=lambda entry: (entry[0], entry[1].line))
        return list(dict.fromkeys(f"{path}:{fault.line}: {fault.text}" for path, fault in ordered))

    def read(self, path: Path) -> None:
        if path.suffix != ".yaml":
            # Passing over it in silence would be an instrument that is missing in silence.
            self.faults.append((path, Fault(1, "the name of an instrument's file ends in .yaml")))
        try:
            document = read_document(path)
        except UnreadableError as error:
            self.faults.append((path, error.fault))
            self.has_unreadable = True
            return
        self.faults += [(path, fault) for fault in (*document.repeated_keys, *wording_faults(document))]
        licence = document.data.get("licence")
        if isinstance(licence, dict) and licence.get("status") == "blocked":
            blocked = self._validated(BlockedInstrument, document, document.data)
            if blocked is not None:
                self.blocked.append(blocked)
            return
        content_hash = sha256(document.content).hexdigest()
        if "definition_hash" in document.data:
            self._complain(document, ("definition_hash",), "definition_hash: is computed, not written")
        instrument = self._validated(Instrument, document, {**document.data, "definition_hash": content_hash})
        if instrument is None:
            self.broken_ids.add(str(document.data.get("id")))
            return
        for where, text in complaints_about(instrument, commercial=self.commercial):
            self._complain(document, where, text)
        if self.known.get((instrument.id, instrument.version), content_hash) != content_hash:
            text = f"version {instrument.version} was published with another content: a change needs a new version"
            self._complain(document, ("version",), text)
        self.loaded.append((instrument, document))

    def compare_versions(self) -> None:
        first: dict[tuple[str, str], Path] = {}
        for instrument, document in self.loaded:
            other = first.setdefault((instrument.id, instrument.version), document.path)
            if other != document.path:
                text = f"{instrument.id} {instrument.version} is defined in {other.name} too"
                self._complain(document, ("version",), text)
        offered = {instrument.id for instrument, _ in self.loaded} & {blocked.id for blocked in self.blocked}
        for instrument, document in self.loaded:
            if instrument.id in offered:
                self._complain(document, ("id",), f"{instrument.id}: another file says that its licence is blocked")

    def check_offers(self) -> None:
        """Only what can be started makes offers. With a file that did not load, its absence is no further fault."""
        startable = _startable(instrument for instrument, _ in sorted(self.loaded, key=lambda entry: _age(entry[0])))
        if self.has_unreadable:
            return
        for instrument, document in self.loaded:
            if startable.get(instrument.id) is instrument:
                for where, text in complaints_about_offers(instrument, startable, self.broken_ids):
                    self._complain(document, where, text)

    def _complain(self, document: Document, where: Location, text: str) -> None:
        self.faults.append((document.path, Fault(document.line_of(where), text)))

    def _validated(self, model: type[Model], document: Document, data: dict[Any, Any]) -> Model | None:
        """The model, or None. Unknown fields are noted as faults and then left out, so that the rest can be checked."""
        try:
            return model.model_validate(data)
        except ValidationError as error:
            found = error.errors(include_url=False, include_context=False)
        # Of a list whose entries are refused, pydantic says also that it is too short: that is no second fault.
        found = [detail for detail in found if detail["type"] != "too_short" or not _encloses(detail, found)]
        for detail in found:
            self._complain(document, _location_of(detail), _text_of(detail))
        if any(detail["type"] != "extra_forbidden" for detail in found):
            return None
        try:
            return model.model_validate(_without(data, [_location_of(detail) for detail in found]))
        except ValidationError:
            return None  # the unknown field stood for a needed one; that fault is told already


def _location_of(detail: ErrorDetails) -> Location:
    """Pydantic's path without the tags of unions, which are no part of the file."""
    return tuple(part for part in detail["loc"] if not str(part).startswith(("<", "[")))


def _encloses(detail: ErrorDetails, others: Iterable[ErrorDetails]) -> bool:
    depth = len(detail["loc"])
    return any(len(other["loc"]) > depth and other["loc"][:depth] == detail["loc"] for other in others)


def _text_of(detail: ErrorDetails) -> str:
    where = ".".join(map(str, _location_of(detail))) or "file"
    match detail["type"]:
        case "extra_forbidden":
            return f"{where}: unknown field, or one that is not supported yet"
        case "missing":
            return f"{where}: is missing"
        case "literal_error" | "enum":
            return f"{where}: {detail['input']!r} is not supported. {detail['msg']}"
        case _:
            return f"{where}: {detail['msg'].removeprefix('Value error, ')}"


def _without(data: dict[Any, Any], places: Iterable[Location]) -> dict[Any, Any]:
    pruned = deepcopy(data)
    for *way, last in places:
        parent: Any = pruned
        for part in way:
            parent = parent[part]
        parent.pop(last, None)
    return pruned


def _age(instrument: Instrument) -> tuple[str, tuple[int, ...]]:
    return instrument.id, tuple(int(number) for number in instrument.version.split("."))


def _startable(versions: Iterable[Instrument]) -> dict[str, Instrument]:
    """The newest version of each id, drafts aside, where it is active. Takes versions from old to new."""
    newest = {version.id: version for version in versions if version.status != "draft"}
    return {name: version for name, version in newest.items() if version.status == "active"}
