"""What goes wrong inside the harness, as one sentence each: a server's refusals, a memory that is full, a grader."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from easyhard.evaluation.config import EvaluationConfig
from easyhard.schema import EasyhardError, InputError, WorkError
from easyhard.wording import shown

UNREADABLE = "Could not parse generations"  # the harness says so, and goes on with an empty answer
WRONG_CALL = {
    400: "Look at what it says; often the prompt is too long for it, or it does not score given text",
    401: "Set OPENAI_API_KEY to a key that it takes",
    403: "Set OPENAI_API_KEY to a key that may use this model",
    404: "Look at base_url, which ends in /v1, and at the model's name there (served_model)",
    422: "Look at what it says; it does not know a field that the harness sends",
}


class Heard(logging.Handler):
    """What the harness only logs while it answers for a server."""

    def __init__(self, config: EvaluationConfig) -> None:
        super().__init__(logging.WARNING)
        self.config = config
        self.unreadable = 0

    def emit(self, record: logging.LogRecord) -> None:
        """Count the replies that could not be read."""
        self.unreadable += UNREADABLE in record.getMessage()

    def refuse_bad_answers(self) -> None:
        """Raise WorkError if a reply could not be read, which the harness counts as a wrong answer."""
        if self.unreadable:
            raise WorkError(
                f"{self.unreadable} replies of the server at {self.config.base_url} hold no answer, and would count as "
                "wrong. Look whether it speaks OpenAI's protocol; nothing was saved."
            )


@contextmanager
def explained(config: EvaluationConfig) -> Iterator[Heard]:
    """Turn whatever the harness raises into InputError or WorkError, the cause kept."""
    logger, heard = logging.getLogger("lm_eval"), Heard(config)
    logger.addHandler(heard)
    try:
        yield heard
    except EasyhardError:
        raise
    except Exception as error:
        raise (_of_server(error, config) or _of_work(error)) from error
    finally:
        logger.removeHandler(heard)


def _of_server(error: Exception, config: EvaluationConfig) -> EasyhardError | None:
    if config.backend != "openai":
        return None
    import aiohttp
    import requests

    where = f"the server at {config.base_url}"
    if isinstance(error, requests.HTTPError) and error.response is not None:
        return _refused(error.response.status_code, error.response.text, where)
    if isinstance(error, aiohttp.ClientResponseError):
        return _refused(error.status, error.message, where)
    if isinstance(error, requests.Timeout | TimeoutError):
        return WorkError(
            f"{where} did not answer within {config.timeout} s. Give it more time (timeout), or fewer requests at once "
            "(concurrent_requests); nothing was saved."
        )
    if isinstance(error, requests.exceptions.InvalidURL | requests.exceptions.MissingSchema):
        return InputError(f"base_url {config.base_url!r} is no address. Write it as http://localhost:8000/v1.")
    if isinstance(
        error, requests.ConnectionError | aiohttp.ClientConnectionError | requests.exceptions.ChunkedEncodingError
    ):
        return WorkError(
            f"{where} cannot be reached, or stopped: {_first_line(error)}. Start it, then give the same call again; "
            "nothing was saved."
        )
    if isinstance(error, ValueError | KeyError | TypeError | IndexError | aiohttp.ContentTypeError):
        return WorkError(
            f"{where} sent a reply that cannot be read: {type(error).__name__}: {_first_line(error)}. Look whether it "
            "speaks OpenAI's protocol, and for scoring of choices returns the logprobs of the prompt (echo)."
        )
    return None


def _refused(status: int, said: Any, where: str) -> EasyhardError:
    sentence = f"{where} answered {status}: {shown(str(said).strip(), 200)}."
    if status in WRONG_CALL:
        return InputError(f"{sentence} {WRONG_CALL[status]}.")
    return WorkError(f"{sentence} Look at its log, then give the same call again; nothing was saved.")


def _of_work(error: Exception) -> EasyhardError:
    if isinstance(error, ModuleNotFoundError):
        return InputError(
            f"the harness lacks a package: {_first_line(error)} Install what it asks for; for a server that is "
            "pip install 'lm-eval[api]'."
        )
    if "out of memory" in str(error).lower():
        return WorkError(f"the memory is full: {_first_line(error)}. Lower batch_size.")
    return WorkError(
        f"lm-evaluation-harness failed: {type(error).__name__}: {_first_line(error)}. Nothing was saved; engine: "
        "easyhard does without it for choices, last_number and exact."
    )


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
