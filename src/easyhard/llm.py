"""Loading causal language models and their tokenizers. The only place that decides what may be loaded.

torch and transformers are imported when a model is asked for, so that ``import easyhard`` stays light.
"""

from __future__ import annotations

import contextlib
import gc
import hashlib
import inspect
import io
import os
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from easyhard.benchmarks.spec import BenchmarkSpec
from easyhard.schema import InputError

WEIGHTS_AND_TOKENIZER = (".safetensors", ".json", ".jinja", ".model", ".txt")  # files that decide what a model says
INSTALL_HINT = "Install what runs models: pip install 'easyhard[llm]' (see the README for a CPU build of torch)."


@dataclass(frozen=True, slots=True)
class LanguageModel:
    """A causal language model with its tokenizer, on one device.

    ``name`` is what the user called it; ``fingerprint`` identifies the weights (a hash of the weight files
    for a folder, ``name@revision`` for the hub).
    """

    name: str
    fingerprint: str
    network: Any  # transformers.PreTrainedModel
    tokenizer: Any  # transformers.PreTrainedTokenizerBase

    @property
    def commit(self) -> str | None:
        """Commit of the hub's repository that the weights came from; None for a local model."""
        return getattr(getattr(self.network, "config", None), "_commit_hash", None)

    @property
    def context_length(self) -> int:
        """Longest sequence in tokens that the model was built for."""
        config = getattr(self.network, "config", None)
        return int(getattr(config, "max_position_embeddings", 0) or 2**31)


def load_model(path: str, *, revision: str | None = None, dtype: str = "float32") -> LanguageModel:
    """Load a model from a local folder, a ``.gguf`` file, or the Hugging Face hub by name.

    Safetensors only and never code from the model's repository. A GGUF file is converted once and kept in
    the user's cache. Raises InputError if there is no such folder or model.
    """
    _require_torch()
    import torch

    name, folder = path, path
    if path.endswith(".gguf"):
        folder = str(converted_gguf(Path(path)))
    elif _looks_local(path) and not Path(path, "config.json").is_file():
        raise InputError(
            f"model path {path!r} has no config.json, so it is not a saved model. "
            "Give a folder made by save_pretrained, a .gguf file, or a hub name such as org/model."
        )
    network, tokenizer = _from_pretrained(folder, revision, getattr(torch, dtype))
    device = "cuda" if torch.cuda.is_available() else "cpu"
    network.to(device).eval()
    # Only the last hidden states are projected on the vocabulary. That slice is not contiguous, and a matrix
    # product with it would copy the weight, the largest of the model, once per row.
    network.get_output_embeddings().register_forward_pre_hook(lambda _, inputs: (inputs[0].contiguous(),))
    return LanguageModel(name, model_fingerprint(path, revision), network, tokenizer)


def named_model(path: str, revision: str | None = None) -> LanguageModel:
    """A model that another program runs: its name, and its tokenizer where one is at hand; no weights are loaded.

    ``network`` is None. The tokenizer of a name that is no local folder is looked for on the hub, unless that
    cannot be reached: it is then None, and prompts go to the server as text.
    """
    _require_torch()
    from transformers import AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(path, revision=revision, trust_remote_code=False)
    except (OSError, ValueError):
        tokenizer = None
    return LanguageModel(path, model_fingerprint(path, revision), None, tokenizer)


def model_fingerprint(path: str, revision: str | None = None) -> str:
    """What identifies the weights, without loading them: a hash for local files, name@revision otherwise."""
    local = Path(path)
    if local.is_file():
        return _sha256([local])
    if local.is_dir():
        return _sha256(sorted(file for file in local.iterdir() if file.suffix in WEIGHTS_AND_TOKENIZER))
    return f"{path}@{revision or 'main'}"


def converted_gguf(gguf: Path) -> Path:
    """Folder with the model of a GGUF file as fp32 safetensors, converted on first use (about 30 s).

    Kept under ``$EASYHARD_CACHE`` or ``~/.cache/easyhard`` by the file's hash. The quantised weights are
    expanded as they are: the numbers equal those that the GGUF stands for.
    """
    folder = conversion_folder(gguf)
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=".converting-", dir=folder.parent))
    try:
        _convert(gguf, temporary)
        temporary.rename(folder)
    except OSError:
        if not folder.is_dir():  # else another process finished first, with the same result
            raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return folder


def conversion_folder(gguf: Path) -> Path:
    """Where the converted model of a GGUF file is, or will be. Raises InputError without such a file."""
    if not gguf.is_file():
        raise InputError(f"model file {str(gguf)!r} does not exist. Give the path of a .gguf file.")
    cache = Path(os.environ.get("EASYHARD_CACHE", Path.home() / ".cache" / "easyhard"))
    return cache / "models" / f"{gguf.stem}-{_sha256([gguf])[:12]}"


def _convert(gguf: Path, folder: Path) -> None:
    _require_torch()
    if find_spec("gguf") is None:
        raise InputError("gguf is not installed, which reads .gguf files. Install it: pip install gguf")
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    where = {"pretrained_model_name_or_path": str(gguf.parent), "gguf_file": gguf.name}
    with contextlib.redirect_stderr(io.StringIO()):  # a progress bar that nothing else turns off
        expanded = AutoModelForCausalLM.from_pretrained(**where, dtype=torch.float32)
    tokenizer = AutoTokenizer.from_pretrained(**where)
    config = expanded.config
    if hasattr(config, "quantization_config"):
        del config.quantization_config
    # Built anew from the config: the loaded object still believes that it is quantised and cannot be saved.
    plain = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    plain.load_state_dict(expanded.state_dict())
    plain.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    del expanded, plain
    gc.collect()


def _from_pretrained(folder: str, revision: str | None, dtype: Any) -> tuple[Any, Any]:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, revision=revision, trust_remote_code=False)
        network = AutoModelForCausalLM.from_pretrained(
            folder, revision=revision, dtype=dtype, use_safetensors=True, trust_remote_code=False
        )
    except (OSError, ValueError) as error:
        raise InputError(
            f"model {folder!r} could not be loaded: {str(error).splitlines()[0]} "
            "Give a local folder, a .gguf file, or a hub name you have access to."
        ) from error
    return network, tokenizer


def _looks_local(path: str) -> bool:
    return path.startswith((".", "/", "~")) or Path(path).exists() or path.count("/") > 1


def _sha256(files: list[Path]) -> str:
    digest = hashlib.sha256()
    for file in files:
        with file.open("rb") as stream:
            digest.update(hashlib.file_digest(stream, "sha256").digest())
    return digest.hexdigest()


def _require_torch() -> None:
    try:
        import torch  # noqa: F401
        import transformers
    except ImportError as error:
        raise InputError(f"{error.name} is not installed. {INSTALL_HINT}") from error
    transformers.utils.logging.disable_progress_bar()  # a study shows its own progress


def prompt_tokens(
    model: LanguageModel, spec: BenchmarkSpec, prompt: str, examples: Sequence[tuple[str, str]] = ()
) -> list[int]:
    """Tokens of one item's prompt: examples, the item, and what opens the answer.

    ``prompt`` is one of ``benchmarks.prompts``; ``examples`` are pairs of such a prompt and its completion,
    shown before it. The one place that makes a prompt's tokens: training puts its completion, evaluation its
    candidates, right after them. With a chat template the prompt is the user's turn and the answer opens the
    assistant's; without one, prompts and answers stand below one another as plain text.
    """
    tokenizer = model.tokenizer
    if not _chats(model, spec):
        shown = "".join(f"{asked}{_opening(model, spec)}{answer}\n\n" for asked, answer in examples)
        return list(tokenizer(shown + prompt)["input_ids"])
    text = tokenizer.apply_chat_template(messages(spec, prompt, examples), tokenize=False, add_generation_prompt=True)
    return list(tokenizer(text, add_special_tokens=False)["input_ids"])


def messages(spec: BenchmarkSpec, prompt: str, examples: Sequence[tuple[str, str]] = ()) -> list[dict[str, str]]:
    """A prompt and the examples before it as turns of a chat, for whoever applies the template."""
    turns = [] if spec.system is None else [{"role": "system", "content": spec.system}]
    for asked, answer in examples:
        turns += [{"role": "user", "content": asked}, {"role": "assistant", "content": answer}]
    return [*turns, {"role": "user", "content": prompt}]


def answer_tokens(model: LanguageModel, spec: BenchmarkSpec, answer: str) -> list[int]:
    """Tokens of an answer that follows ``prompt_tokens``."""
    return list(model.tokenizer(_opening(model, spec) + answer, add_special_tokens=False)["input_ids"])


def _opening(model: LanguageModel, spec: BenchmarkSpec) -> str:
    """What separates a prompt from its answer: a space in plain text, unless white space is there already."""
    return "" if _chats(model, spec) or spec.prompt[-1].isspace() else " "


def _chats(model: LanguageModel, spec: BenchmarkSpec) -> bool:
    return spec.chat and model.tokenizer.chat_template is not None


def common_length(rows: Sequence[list[int]]) -> int:
    """Length of what all rows of tokens begin with, leaving every row at least one token of its own."""
    first, last = min(rows), max(rows)
    limit = min(map(len, rows)) - 1
    shared = 0
    while shared < limit and first[shared] == last[shared]:
        shared += 1
    return shared


def forward(network: Any, cache: Any, **inputs: Any) -> tuple[Any, Any]:
    """Logits of ``inputs`` that follow ``cache``, and the cache with the keys and values of ``inputs`` in it."""
    named = _cache_name(network)
    output = network(**inputs, **{named: cache}, use_cache=True)
    return output.logits, output[named]


def beginning(network: Any, rows: Sequence[Sequence[int]]) -> Any:
    """A cache with the keys and values of ``rows``, equally long token lists; their logits are not computed."""
    import torch

    backbone = network.base_model
    ids = torch.tensor([list(row) for row in rows], device=network.device)
    return backbone(input_ids=ids, use_cache=True)[_cache_name(backbone)]


def _cache_name(network: Any) -> str:
    """What a network calls its cache: transformers 5.24 renamed it."""
    return "cache" if "cache" in inspect.signature(network.forward).parameters else "past_key_values"
