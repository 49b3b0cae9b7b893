"""Tiny models whose tokenizers chat as Qwen2.5, Llama 3 and SmolLM2 do, with their special tokens."""

from __future__ import annotations

from pathlib import Path

from tiny_model import save_tiny_model

_CHATML = "{{ '<|im_start|>' + m['role'] + '\\n' + m['content'] + '<|im_end|>' + '\\n' }}"
_OPEN_CHATML = "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"


def _chatml(default_system: str) -> str:
    return (
        "{% if messages[0]['role'] != 'system' %}{{ '<|im_start|>system\\n"
        + default_system
        + "<|im_end|>\\n' }}{% endif %}{% for m in messages %}"
        + _CHATML
        + "{% endfor %}"
        + _OPEN_CHATML
    )


# As the published templates write a chat without tools.
TEMPLATES = {
    "qwen": _chatml("You are Qwen, created by Alibaba Cloud. You are a helpful assistant."),
    "smollm": _chatml("You are a helpful AI assistant named SmolLM, trained by Hugging Face"),
    "llama": (
        "{{ bos_token }}{% if messages[0]['role'] != 'system' %}"
        "{{ '<|start_header_id|>system<|end_header_id|>\\n\\n<|eot_id|>' }}{% endif %}{% for m in messages %}"
        "{{ '<|start_header_id|>' + m['role'] + '<|end_header_id|>\\n\\n' + m['content'] | trim + '<|eot_id|>' }}"
        "{% endfor %}{% if add_generation_prompt %}"
        "{{ '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}{% endif %}"
    ),
}
_SPECIAL = {
    "qwen": ["<|endoftext|>", "<|im_start|>", "<|im_end|>"],
    "smollm": ["<|im_start|>", "<|im_end|>"],
    "llama": ["<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"],
}
_ROLES = {
    "qwen": {"eos_token": "<|im_end|>", "pad_token": "<|endoftext|>"},
    "smollm": {"eos_token": "<|im_end|>", "bos_token": "<|im_start|>", "pad_token": "<|im_end|>"},
    "llama": {"eos_token": "<|eot_id|>", "bos_token": "<|begin_of_text|>"},  # no pad token, as published
}


def save_chat_model(folder: Path, kind: str) -> str:
    """Save a tiny model with a tokenizer of that kind; Llama's puts its first token before every plain text."""
    from tokenizers.processors import TemplateProcessing
    from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

    save_tiny_model(folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.add_special_tokens({"additional_special_tokens": _SPECIAL[kind]})
    tokenizer.pad_token = None
    for role, token in _ROLES[kind].items():
        setattr(tokenizer, role, token)
    tokenizer.chat_template = TEMPLATES[kind]
    if kind == "llama":
        bos = (tokenizer.bos_token, tokenizer.bos_token_id)
        tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
            single=f"{bos[0]} $A", pair=f"{bos[0]} $A {bos[0]} $B", special_tokens=[bos]
        )
    tokenizer.save_pretrained(folder)
    network = LlamaForCausalLM(LlamaConfig.from_pretrained(folder))
    network.resize_token_embeddings(len(tokenizer))
    network.save_pretrained(folder)
    return str(folder)
