"""The models that the harness runs: the one at hand, vLLM's, or a server's."""

from __future__ import annotations

import copy
import os
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from easyhard.benchmarks import BenchmarkSpec
from easyhard.evaluation.config import EvaluationConfig
from easyhard.llm import LanguageModel
from easyhard.schema import InputError

UNLIMITED = 2**31  # a context length that cuts nothing off; what is too long was refused before


def harness_model(
    model: LanguageModel, spec: BenchmarkSpec, config: EvaluationConfig, adapter: Path | None = None
) -> Any:
    """An ``lm_eval.api.model.LM``. ``adapter`` is the folder of one that is not yet in the model's weights.

    Raises InputError where a backend is not installed, or cannot do what is asked of it.
    """
    return _MAKERS[config.backend](model, spec, config, adapter)


def chats(model: LanguageModel, spec: BenchmarkSpec, config: EvaluationConfig) -> bool:
    """Whether prompts go through a chat template: the model's own, or that of a chat server."""
    return spec.chat and (model.tokenizer is None or model.tokenizer.chat_template is not None)


def _hf(model: LanguageModel, spec: BenchmarkSpec, config: EvaluationConfig, adapter: Path | None) -> Any:
    from lm_eval.models.huggingface import HFLM

    if adapter is not None:
        raise InputError(
            f"the adapter {adapter} is not in the weights of {model.name!r}, and backend hf runs the model as it is. "
            "Load it first: easyhard.sft.load_adapter(model, folder)."
        )
    return HFLM(
        pretrained=model.network,
        tokenizer=copy.deepcopy(model.tokenizer),  # the harness gives it a pad token
        backend="causal",
        batch_size=config.batch_size,
        max_length=config.context_length or model.context_length,
        add_bos_token=_begins(model, spec, config),
    )


def _vllm(model: LanguageModel, spec: BenchmarkSpec, config: EvaluationConfig, adapter: Path | None) -> Any:
    """vLLM loads the model itself, from ``model.name``. Not yet run: vLLM needs a GPU."""
    if find_spec("vllm") is None:
        raise InputError("vllm is not installed, which backend vllm runs. Install it: pip install vllm")
    from lm_eval.models.vllm_causallms import VLLM

    name, _, revision = model.fingerprint.rpartition("@")
    lora = {"lora_local_path": str(adapter), "max_lora_rank": _rank(adapter)} if adapter else {}
    return VLLM(
        pretrained=model.name,
        revision=revision if name == model.name else None,
        dtype="auto",
        batch_size="auto",  # vLLM makes its own batches
        max_model_len=config.context_length,
        tensor_parallel_size=config.tensor_parallel,
        gpu_memory_utilization=config.gpu_memory,
        add_bos_token=_begins(model, spec, config),
        **lora,
    )


def _openai(model: LanguageModel, spec: BenchmarkSpec, config: EvaluationConfig, adapter: Path | None) -> Any:
    """Choices are scored through ``/completions``, token by token; texts come from ``/chat/completions``."""
    if adapter is not None:
        raise InputError(
            f"a server runs the model that it has, and cannot be given the adapter {adapter}. "
            "Let the server load it, and name it as served_model."
        )
    url, common = str(config.base_url).rstrip("/"), _request(model, config)
    if spec.scoring != "choices" and chats(model, spec, config):
        from lm_eval.models.openai_completions import LocalChatCompletion

        # Some servers fail on an empty list of stop texts, so the end token is named where it is known.
        end = model.tokenizer.eos_token if model.tokenizer is not None else None
        return LocalChatCompletion(base_url=f"{url}/chat/completions", batch_size=1, eos_string=end, **common)
    if model.tokenizer is None:
        raise InputError(
            f"scoring {spec.scoring!r} sends tokens to the server, but {model.name!r} has no tokenizer here. "
            "Give the tokenizer of the model that the server runs."
        )
    from lm_eval.models.openai_completions import LocalCompletionsAPI

    made = LocalCompletionsAPI(
        base_url=f"{url}/completions",
        tokenizer_backend=None,  # given below, as it is: the harness would load one by name
        batch_size=1 if config.batch_size == "auto" else config.batch_size,
        add_bos_token=bool(_begins(model, spec, config)),
        max_length=UNLIMITED,
        **common,
    )
    made.tokenizer, made.tokenizer_backend, made.tokenized_requests = (
        copy.deepcopy(model.tokenizer),
        "huggingface",
        True,
    )
    return made


def _request(model: LanguageModel, config: EvaluationConfig) -> dict[str, Any]:
    return {
        "model": config.served_model or model.name,
        "num_concurrent": config.concurrent_requests,
        "max_retries": config.attempts,
        "timeout": config.timeout,
        "header": {"Authorization": f"Bearer {os.environ.get('OPENAI_API_KEY', '')}"},
    }


def _begins(model: LanguageModel, spec: BenchmarkSpec, config: EvaluationConfig) -> bool | None:
    """Whether the tokenizer puts its first token before a prompt: never before a chat template, which has its own."""
    if chats(model, spec, config):
        return False
    return True if config.backend == "openai" else None  # None: as the tokenizer itself does; a server has to be told


def _rank(adapter: Path) -> int:
    """Rank of a saved LoRA, which vLLM wants to know before it loads one."""
    import json

    try:
        return int(json.loads((adapter / "adapter_config.json").read_text())["r"])
    except (OSError, ValueError, KeyError) as error:
        raise InputError(
            f"{adapter} is no saved adapter: {error}. Give a folder with adapter_config.json in it."
        ) from error


_MAKERS: Mapping[str, Callable[[LanguageModel, BenchmarkSpec, EvaluationConfig, Path | None], Any]] = {
    "hf": _hf,
    "vllm": _vllm,
    "openai": _openai,
}
