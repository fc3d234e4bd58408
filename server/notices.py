"""Long texts with a version: what a person agrees to, and the notices at the foot of every page. Data: content/."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import markdown_it
import yaml

from server.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class Consent:
    """The text that a person agrees to, with the version that is kept beside what they agreed to."""

    version: str
    html: str
    title: str = ""


def load_text(file: Path, *, facts: Mapping[str, object] | None = None) -> Consent:
    """Read a file that begins with its version between --- lines; `{names}` are filled. Raises ConfigurationError."""
    try:
        _, front, body = file.read_text(encoding="utf-8").split("---\n", 2)
        about = yaml.safe_load(front)
        said = body.format_map(facts) if facts is not None else body
        return Consent(str(about["version"]), markdown_it.MarkdownIt().render(said), str(about.get("title", "")))
    except (OSError, ValueError, LookupError, TypeError, AttributeError, yaml.YAMLError) as fault:
        raise ConfigurationError(f"{file.name}: it begins with its version between --- lines ({fault})") from None
