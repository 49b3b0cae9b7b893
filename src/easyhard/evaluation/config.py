"""What evaluation needs to know: which engine asks the model, and where the model runs."""

from __future__ import annotations

from typing import Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, model_validator

from easyhard.benchmarks import Scoring

Engine = Literal["easyhard", "lm_eval"]
OWN_SCORINGS: tuple[Scoring, ...] = ("choices", "last_number", "exact")  # what our own engine can score


class EvaluationConfig(BaseModel):
    """Settings of one evaluation. They decide where a model runs and how fast, never what it is asked.

    ``engine``: ``easyhard`` computes every prompt once for all its choices; ``lm_eval`` is the
    lm-evaluation-harness, which scores everything and runs more than the model at hand. ``backend``: ``hf`` is the
    model in this process; ``vllm`` loads it there; ``openai`` asks a server that speaks OpenAI's protocol.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    engine: Literal["auto", "easyhard", "lm_eval"] = "auto"  # our own where it can: it is the faster one
    backend: Literal["hf", "vllm", "openai"] = "hf"  # nothing to start, and the model that was trained here
    base_url: str | None = None  # of the server, up to and with /v1
    served_model: str | None = None  # what the server calls the model; our own name of it by default
    batch_size: int | Literal["auto"] = 8  # sequences at once; the harness' "auto" tries out what the GPU holds
    context_length: int | None = Field(None, ge=1)  # tokens; by default what the model's own config says
    concurrent_requests: int = Field(1, ge=1)  # to the server, the harness' own default; vLLM takes dozens
    attempts: int = Field(3, ge=1)  # per request, the harness' own default; it waits in between
    timeout: int = Field(300, ge=1)  # seconds until a request has failed, the harness' own default
    tensor_parallel: int = Field(1, ge=1)  # GPUs that vLLM spreads one model over
    gpu_memory: float = Field(0.9, gt=0, le=1)  # share of it that vLLM takes, its own default

    @model_validator(mode="after")
    def _fits_together(self) -> EvaluationConfig:
        if (self.backend == "openai") != (self.base_url is not None):
            raise ValueError("backend openai needs a base_url, such as http://localhost:8000/v1, and no other has one")
        if self.engine == "easyhard" and self.backend != "hf":
            raise ValueError(f"engine easyhard runs the model itself; leave the backend {self.backend} to lm_eval")
        if self.batch_size != "auto" and self.batch_size < 1:
            raise ValueError("batch_size must be 1 or more, or auto")
        return self

    def engine_for(self, scoring: Scoring) -> Engine:
        """The engine that ``auto`` stands for: our own where it can score and the model is at hand."""
        if self.engine != "auto":
            return self.engine
        return "easyhard" if self.backend == "hf" and scoring in OWN_SCORINGS else "lm_eval"


assert set(OWN_SCORINGS) <= set(get_args(Scoring))
