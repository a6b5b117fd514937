"""A real language model behind transformers' own OpenAI-compatible server: tiny, with random weights, made on the spot.

`transformers serve` itself loads models with accelerate, which nothing else here needs; so the model is handed to its
server instead. Everything behind the route is the library's: checks of the request, chat template, generation, reply.
"""

import torch
from fastapi import FastAPI
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast
from transformers.cli.serving.chat_completion import ChatCompletionHandler
from transformers.cli.serving.model_manager import ModelManager, TimedModel
from transformers.cli.serving.server import build_server
from transformers.cli.serving.utils import GenerationState

TEMPLATE = "{% for message in messages %}<s>{{ message['role'] }}: {{ message['content'] }}</s>{% endfor %}"
FOREVER_S = -1
MAX_TIME_S = 1.0


def make_model(sentences: list[str]) -> tuple[LlamaForCausalLM, PreTrainedTokenizerFast]:
    """Make a two-layer Llama with a vocabulary trained on these sentences; it writes nonsense."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel()
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=["<s>", "</s>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(sentences, trainer)
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>")
    fast.chat_template = TEMPLATE
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(fast),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=8192,
        bos_token_id=0,
        eos_token_id=1,
    )
    model = LlamaForCausalLM(config).eval()
    # It would go on until the last token allowed.
    model.generation_config.max_time = MAX_TIME_S
    return model, fast


def make_app(name: str, sentences: list[str]) -> FastAPI:
    """The library's server with that model under a name."""
    model, tokenizer = make_model(sentences)
    manager = ModelManager(device="cpu", model_timeout=FOREVER_S)
    manager.loaded_models[manager.process_model_name(name)] = TimedModel(model, FOREVER_S, tokenizer)
    state = GenerationState()
    return build_server(manager, ChatCompletionHandler(manager, state), *[None] * 4, generation_state=state)
