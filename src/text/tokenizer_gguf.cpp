// Tokenisers in GGUF files (tokenizer.ggml.*), which name their pre-tokeniser instead of spelling it out.
// Each is turned into the tokenizer.json that the model was published with, as far as the file tells.
#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "core/check.h"
#include "formats/gguf_metadata.h"
#include "formats/json.h"
#include "text/bpe.h"
#include "text/json_fields.h"
#include "text/tokenizer.h"
#include "text/tokenizer_json.h"

namespace r1 {
namespace {

using nlohmann::json;

// Token types of llama.cpp.
enum TokenType : int64_t { normal = 1, control = 3, user_defined = 4, unused = 5 };

// The steps of a pre-tokeniser: a regex to split by, or one of these two.
constexpr std::string_view digits = "digits";  // Digits(individual)
constexpr std::string_view gpt2 = "gpt2";      // ByteLevel with its own regex

constexpr std::string_view llama3_regex =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view qwen2_regex =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view tekken_regex =
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view gpt4o_regex =
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view deepseek3_regex =
    R"([!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

struct Known {
    std::string_view name;
    std::vector<std::string_view> steps;
    bool nfc = false, ignore_merges = false, add_bos = false;
};

// The first of several with the same meaning is the one that is written.
const std::vector<Known>& known_pretokenizers() {
    static const std::vector<Known> list = [] {
        std::vector<Known> out;
        auto add = [&](std::initializer_list<std::string_view> names, const Known& like) {
            for (std::string_view name : names) {
                out.push_back(like);
                out.back().name = name;
            }
        };
        add({"gpt-2", "default", "phi-2", "olmo", "mpt", "jina-es", "jina-de", "roberta-bpe", "gigachat"},
            {"", {gpt2}});
        add({"smollm", "starcoder", "refact", "command-r", "codeshell", "exaone", "minerva-7b"},
            {"", {digits, gpt2}});
        add({"llama-bpe", "llama3", "llama-v3", "falcon3", "pixtral"},
            {"", {llama3_regex}, false, true, true});
        add({"smaug-bpe", "dbrx", "chatglm-bpe", "glm4"}, {"", {llama3_regex}});
        add({"qwen2", "deepseek-r1-qwen", "megrez"}, {"", {qwen2_regex}, true});
        add({"stablelm2", "hunyuan", "kormo"}, {"", {qwen2_regex}});
        add({"tekken"}, {"", {tekken_regex}, false, true, true});
        add({"gpt-4o", "llama4"}, {"", {gpt4o_regex}, false, false, false});
        add({"deepseek-v3"},
            {"", {R"(\p{N}{1,3})", "[一-龥぀-ゟ゠-ヿ]+", deepseek3_regex}, false, false, true});
        return out;
    }();
    return list;
}

json pretokenizer_json(const Known& known) {
    json steps = json::array();
    for (std::string_view step : known.steps) {
        if (step == digits)
            steps.push_back(digits_json());
        else if (step != gpt2)
            steps.push_back({{"type", "Split"},
                             {"pattern", {{"Regex", step}}},
                             {"behavior", "Isolated"},
                             {"invert", false}});
    }
    steps.push_back(byte_level_json(known.steps.back() == gpt2));
    return {{"type", "Sequence"}, {"pretokenizers", steps}};
}

// The steps of a tokenizer.json's pre_tokenizer; nothing if they cannot be told by a name.
std::optional<std::vector<std::string>> steps_of(const json& spec) {
    std::vector<std::string> out;
    const json* list = find_field(spec, "pretokenizers");
    bool bytes = false;
    for (const json& step : list ? *list : json::array({spec})) {
        std::string type = find_field(step, "type") ? string_field(step, "type") : "";
        const json* pattern = find_field(step, "pattern");
        if (bytes) return std::nullopt;
        if (type == "ByteLevel" && !bool_field(step, "add_prefix_space", true)) {
            bytes = true;
            if (bool_field(step, "use_regex", true)) out.emplace_back(gpt2);
        } else if (type == "Digits" && bool_field(step, "individual_digits", false)) {
            out.emplace_back(digits);
        } else if (type == "Split" && pattern && find_field(*pattern, "Regex") &&
                   string_field(step, "behavior") == "Isolated" && !bool_field(step, "invert", false)) {
            out.push_back(string_field(*pattern, "Regex"));
        } else {
            return std::nullopt;
        }
    }
    return bytes ? std::optional(out) : std::nullopt;
}

std::optional<int64_t> id_key(const GgufMetadata& metadata, const std::string& key, size_t vocab_size) {
    if (!metadata.find(key)) return std::nullopt;
    int64_t id = metadata.integer(key);
    if (id < 0 || id >= static_cast<int64_t>(vocab_size))
        return std::nullopt;  // as llama.cpp: "no such token"
    return id;
}

}  // namespace

Tokenizer Tokenizer::from_gguf(const GgufMetadata& metadata) {
    std::string model = metadata.text("tokenizer.ggml.model");
    check(model == "gpt2", "the GGUF file's tokenizer is of kind '", model,
          "'; only 'gpt2' (byte-level BPE) is supported");
    std::string pre = metadata.text("tokenizer.ggml.pre", "default");
    const auto& list = known_pretokenizers();
    auto known = std::find_if(list.begin(), list.end(), [&](const Known& k) { return k.name == pre; });
    check(known != list.end(), "the GGUF file's pre-tokenizer '", pre,
          "' is not known; use the Hugging Face folder of the model, whose tokenizer.json spells it out");

    const std::vector<std::string>& tokens = metadata.strings("tokenizer.ggml.tokens");
    check(tokens.size() <= static_cast<size_t>(max_token_id), "the GGUF file has ", tokens.size(),
          " tokens, which is too many");
    std::vector<int64_t> types(tokens.size(), TokenType::normal);
    if (metadata.find("tokenizer.ggml.token_type")) types = metadata.integers("tokenizer.ggml.token_type");
    check(types.size() == tokens.size(), "the GGUF file has ", tokens.size(), " tokens but ", types.size(),
          " token types");

    json vocab = json::object(), added = json::array();
    for (size_t id = 0; id < tokens.size(); ++id) {
        if (!vocab.emplace(tokens[id], id).second)
            continue;  // a spelling that occurs twice means its first id
        if (types[id] != TokenType::control && types[id] != TokenType::user_defined) continue;
        added.push_back(
            added_token_json(static_cast<int64_t>(id), tokens[id], types[id] == TokenType::control));
    }
    json spec = byte_level_bpe_json(std::move(added), pretokenizer_json(*known), std::move(vocab),
                                    metadata.strings("tokenizer.ggml.merges"));
    if (known->nfc) spec["normalizer"] = {{"type", "NFC"}};
    spec["decoder"]["add_prefix_space"] = true;  // as these models are published; it changes nothing
    spec["model"]["ignore_merges"] = known->ignore_merges;

    json config = {{"tokenizer_class", "PreTrainedTokenizerFast"}};
    auto bos = id_key(metadata, "tokenizer.ggml.bos_token_id", tokens.size());
    auto eos = id_key(metadata, "tokenizer.ggml.eos_token_id", tokens.size());
    auto pad = id_key(metadata, "tokenizer.ggml.padding_token_id", tokens.size());
    for (auto [key, id] :
         {std::pair("bos_token", bos), std::pair("eos_token", eos), std::pair("pad_token", pad)})
        if (id) config[key] = tokens[static_cast<size_t>(*id)];
    if (bos && metadata.boolean("tokenizer.ggml.add_bos_token", known->add_bos)) {
        const std::string& name = tokens[static_cast<size_t>(*bos)];
        json piece = {{"SpecialToken", {{"id", name}, {"type_id", 0}}}};
        json first = {{"Sequence", {{"id", "A"}, {"type_id", 0}}}},
             second = {{"Sequence", {{"id", "B"}, {"type_id", 1}}}};
        json tokens_of_template = json::object();
        tokens_of_template[name] = {
            {"id", name}, {"ids", json::array({*bos})}, {"tokens", json::array({name})}};
        spec["post_processor"] = {{"type", "TemplateProcessing"},
                                  {"single", json::array({piece, first})},
                                  {"pair", json::array({piece, first, piece, second})},
                                  {"special_tokens", tokens_of_template}};
    }
    std::string chat_template = metadata.text("tokenizer.chat_template", "");
    if (!chat_template.empty()) config["chat_template"] = chat_template;
    Tokenizer tokenizer = from_json(spec, config);
    if (auto eot = id_key(metadata, "tokenizer.ggml.eot_token_id", tokens.size()))
        tokenizer = tokenizer.with_stop_id(static_cast<int32_t>(*eot));
    return tokenizer;
}

void Tokenizer::write_gguf(GgufMetadata& metadata) const {
    json spec = parse_json(tokenizer_json(), "tokenizer.json");
    const json* model = find_field(spec, "model");
    const json* pre = find_field(spec, "pre_tokenizer");
    auto steps = steps_of(pre ? *pre : json());
    bool ignore_merges = bool_field(*model, "ignore_merges", false);
    const auto& list = known_pretokenizers();
    auto known = std::find_if(list.begin(), list.end(), [&](const Known& k) {
        return steps && std::equal(k.steps.begin(), k.steps.end(), steps->begin(), steps->end()) &&
               k.ignore_merges == ignore_merges;
    });
    check(known != list.end(),
          "llama.cpp has no name for this tokenizer's pre-tokenizer, so it cannot go into a GGUF "
          "file; save a Hugging Face folder instead");

    std::vector<std::string> tokens;
    std::vector<int32_t> types;
    for (int32_t id = 0; id < vocab_size(); ++id) {
        std::string text = token_text(id);
        types.push_back(text.empty()     ? TokenType::unused
                        : is_special(id) ? TokenType::control
                        : is_added(id)   ? TokenType::user_defined
                                         : TokenType::normal);
        tokens.push_back(text.empty() ? cat("[PAD", id, "]") : std::move(text));
    }
    std::vector<std::string> merges;
    for (const json& merge : array_field(*model, "merges"))
        merges.push_back(merge.is_string() ? merge.get<std::string>()
                                           : merge[0].get<std::string>() + " " + merge[1].get<std::string>());
    metadata.set("tokenizer.ggml.model", std::string("gpt2"));
    metadata.set("tokenizer.ggml.pre", std::string(known->name));
    metadata.set("tokenizer.ggml.tokens", GgufArray{std::move(tokens)});
    metadata.set("tokenizer.ggml.token_type", GgufArray{std::move(types)});
    metadata.set("tokenizer.ggml.merges", GgufArray{std::move(merges)});
    metadata.set("tokenizer.ggml.add_space_prefix", false);
    std::vector<int32_t> special = encode("", true);
    metadata.set("tokenizer.ggml.add_bos_token",
                 bos_id() && !special.empty() && special.front() == *bos_id());
    auto set_id = [&](const char* key, std::optional<int32_t> id) {
        if (id) metadata.set(key, static_cast<uint32_t>(*id));
    };
    set_id("tokenizer.ggml.bos_token_id", bos_id());
    set_id("tokenizer.ggml.eos_token_id", eos_id());
    set_id("tokenizer.ggml.padding_token_id", pad_id());
    if (chat_template()) metadata.set("tokenizer.chat_template", *chat_template());
}

}  // namespace r1
