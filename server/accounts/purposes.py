"""What a resident may be asked to agree to. Each purpose has its text in content/consents/."""

from enum import StrEnum


class Purpose(StrEnum):
    KEEP_RESULTS = "keep_results"
