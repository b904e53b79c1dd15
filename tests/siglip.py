"""Small SigLIP checkpoints in the Hub's format: the first, with its word pieces, and SigLIP 2."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from checkpoints import enlarge_weights

LENGTH = 16

_WORDS = ("▁a", "▁cat", "▁dog", "▁can", "▁carton", "▁photo", "▁of", "▁is", "▁red", "this", "▁this")


def write_siglip(folder: Path, *, version: int = 2, side: int = 32) -> Path:
    """Save a random but always equal SigLIP with processor and tokenizer; returns `folder`.

    Args:
        version: 1 has its tokenizer in spiece.model, 2 in Gemma's tokenizer.json.
    """
    import transformers

    tower = {
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 64,
    }
    folder.mkdir(parents=True, exist_ok=True)
    vocabulary = _write_gemma_tokenizer(folder) if version == 2 else write_spiece_model(folder)
    # The Hub's configs say nothing of these marks, and so get defaults beyond any vocabulary.
    config = transformers.SiglipConfig(
        text_config={**tower, "vocab_size": vocabulary, "max_position_embeddings": LENGTH},
        vision_config={**tower, "image_size": side, "patch_size": 8},
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = transformers.SiglipModel(config)
        enlarge_weights(model, 0.2, but="position")
        model.logit_scale.data.fill_(2.0)
        model.logit_bias.data.fill_(-1.5)
        model.save_pretrained(folder)
    transformers.SiglipImageProcessor(
        size={"height": side, "width": side}, resample=2
    ).save_pretrained(folder)
    return folder


def _write_gemma_tokenizer(folder: Path) -> int:
    """Files as google/siglip2-base-patch16-224 has them; returns the size of the vocabulary."""
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

    tokens = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>", *(f"<0x{n:02X}>" for n in range(256))]
    tokens += ["▁", *(chr(code) for code in range(ord("!"), ord("~") + 1))]
    merges: list[tuple[str, str]] = []
    for word in _WORDS:
        built = word[0]
        for letter in word[1:]:
            if (built, letter) not in merges:
                merges.append((built, letter))
            built += letter
            tokens.append(built)
    vocabulary = {token: code for code, token in enumerate(dict.fromkeys(tokens))}
    tokenizer = Tokenizer(
        models.BPE(vocabulary, merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True)
    )
    tokenizer.normalizer = normalizers.Replace(" ", "▁")
    tokenizer.pre_tokenizer = pre_tokenizers.Split(" ", "merged_with_previous")
    tokenizer.post_processor = processors.TemplateProcessing(
        single="$A <eos>", special_tokens=[("<eos>", 1)]
    )
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
    )
    tokenizer.add_special_tokens(["<pad>", "<eos>", "<bos>", "<unk>", "<mask>"])
    tokenizer.save(str(folder / "tokenizer.json"))
    settings = {
        "add_bos_token": False,
        "add_eos_token": True,
        "bos_token": "<bos>",
        "do_lower_case": True,
        "eos_token": "<eos>",
        "model_input_names": ["input_ids"],
        "model_max_length": LENGTH,
        "pad_token": "<pad>",
        "padding_side": "right",
        "processor_class": "SiglipProcessor",
        "tokenizer_class": "GemmaTokenizer",
        "unk_token": "<unk>",
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    return len(vocabulary)


def write_spiece_model(folder: Path) -> int:
    """Files as google/siglip-base-patch16-224 has them; returns the size of the vocabulary.

    The pieces: <pad>, </s> and <unk> are 0, 1 and 2, then single characters, then words.
    """
    from transformers.convert_slow_tokenizer import import_protobuf

    format_ = import_protobuf()
    normal, unknown, control = 1, 2, 3
    pieces = [("<pad>", 0.0, control), ("</s>", 0.0, control), ("<unk>", 0.0, unknown)]
    letters = ["▁", *(chr(code) for code in range(ord("a"), ord("z") + 1)), *"0123456789"]
    pieces += [(letter, -10.0, normal) for letter in letters]
    pieces += [(word, -1.0, normal) for word in _WORDS]
    model = format_.ModelProto()
    for piece, score, kind in pieces:
        model.pieces.add(piece=piece, score=score, type=kind)
    model.trainer_spec.model_type = 1
    model.trainer_spec.pad_id, model.trainer_spec.eos_id, model.trainer_spec.unk_id = 0, 1, 2
    (folder / "spiece.model").write_bytes(model.SerializeToString())
    settings = {
        "do_lower_case": True,
        "eos_token": "</s>",
        "model_input_names": ["input_ids"],
        "model_max_length": 64,
        "pad_token": "</s>",
        "processor_class": "SiglipProcessor",
        "tokenizer_class": "SiglipTokenizer",
        "unk_token": "<unk>",
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    return len(pieces)
