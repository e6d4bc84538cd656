#include "text/tokenizer.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/check.h"
#include "formats/gguf.h"
#include "formats/json.h"
#include "text/added_tokens.h"
#include "text/bpe.h"
#include "text/decoder.h"
#include "text/json_fields.h"
#include "text/normalizer.h"
#include "text/pretokenizer.h"
#include "text/unicode.h"

namespace r1 {

using nlohmann::json;

struct Tokenizer::Data {
    explicit Data(const json& spec);
    void add_tokens(const json& list);
    void add_post_processor(const json& spec, int depth);
    std::optional<int32_t> id_of(std::string_view token) const;
    std::string_view text_of(int32_t id) const;
    std::string_view decoded_text_of(int32_t id) const;

    std::string source;  // of tokenizer.json
    Bpe bpe;
    Normalizer normalizer;
    AddedTokens added;
    PreTokenizer pretokenizer;
    Decoder decoder;
    std::vector<int32_t> before, behind;  // what add_special adds
};

struct Tokenizer::Config {
    Config(const json& given, const Data& data);
    void add_stop(int32_t id);

    json file = json::object();  // tokenizer_config.json
    std::optional<int32_t> bos, eos, pad;
    std::vector<int32_t> stops;
    std::optional<std::string> chat_template;
};

namespace {

const json& field_or_null(const json& object, const char* key) {
    static const json null;
    const json* field = find_field(object, key);
    return field ? *field : null;
}

// "<s>" or {"content": "<s>", ...}
std::optional<std::string> token_content(const json& config, const char* key) {
    const json* field = find_field(config, key);
    if (field && field->is_object()) field = find_field(*field, "content");
    if (!field || !field->is_string()) return std::nullopt;
    return field->get<std::string>();
}

// "chat_template" is a string, or a list of named ones of which "default" counts.
std::optional<std::string> template_of(const json& config) {
    const json* field = find_field(config, "chat_template");
    if (!field) return std::nullopt;
    if (field->is_string()) return field->get<std::string>();
    if (field->is_array()) {
        for (const json& entry : *field) {
            const json *name = find_field(entry, "name"), *text = find_field(entry, "template");
            if (name && text && *name == "default" && text->is_string()) return text->get<std::string>();
        }
    }
    return std::nullopt;
}

json read_json_if_exists(const fs::path& path) {
    if (!fs::exists(path)) return nullptr;
    return parse_json(read_file(path), path.string());
}

}  // namespace

Tokenizer::Data::Data(const json& spec)
    : bpe(field_or_null(spec, "model")),
      normalizer(field_or_null(spec, "normalizer")),
      pretokenizer(field_or_null(spec, "pre_tokenizer")),
      decoder(field_or_null(spec, "decoder")) {
    add_tokens(field_or_null(spec, "added_tokens"));
    add_post_processor(field_or_null(spec, "post_processor"), 0);
}

// `tokenizers` does not take the ids from this list: a token of the model keeps its id, any other gets the
// next free one.
void Tokenizer::Data::add_tokens(const json& list) {
    if (list.is_null()) return;
    check(list.is_array(), "the tokenizer's 'added_tokens' must be an array");
    auto next = static_cast<int32_t>(bpe.size());
    for (const json& item : list) {
        AddedToken token;
        token.content = string_field(item, "content");
        if (token.content.empty()) continue;
        token.special = bool_field(item, "special", false);
        token.normalized = bool_field(item, "normalized", !token.special);
        token.single_word = bool_field(item, "single_word", false);
        token.lstrip = bool_field(item, "lstrip", false);
        token.rstrip = bool_field(item, "rstrip", false);
        auto known = id_of(token.content);
        token.id = known ? *known : next++;
        check(token.id <= max_token_id, "the tokenizer has too many added tokens");
        if (const json* id = find_field(item, "id"))
            check(integer_value(*id, "added token's id", 0, max_token_id) == token.id, "the added token '",
                  token.content, "' has the id ", id->get<int64_t>(),
                  " in the file, but by the rules of `tokenizers` it gets ", token.id);
        added.add(std::move(token), normalizer);
    }
}

void Tokenizer::Data::add_post_processor(const json& spec, int depth) {
    if (spec.is_null()) return;
    check(depth < 16, "the tokenizer's post_processors are nested too deeply");
    std::string type = string_field(spec, "type");
    std::vector<int32_t> first, last;
    if (type == "Sequence") {
        for (const json& step : array_field(spec, "processors")) add_post_processor(step, depth + 1);
    } else if (type == "TemplateProcessing") {
        bool seen = false;
        for (const json& piece : array_field(spec, "single")) {
            if (const json* sequence = find_field(piece, "Sequence")) {
                check(!seen && string_field(*sequence, "id") == "A",
                      "the tokenizer's TemplateProcessing 'single' must hold the sequence A once");
                seen = true;
                continue;
            }
            const json* token = find_field(piece, "SpecialToken");
            check(token != nullptr, "the tokenizer's TemplateProcessing has a piece of an unknown kind");
            std::string name = string_field(*token, "id");
            const json& entry = field_or_null(field_or_null(spec, "special_tokens"), name.c_str());
            for (const json& id : array_field(entry, "ids"))
                (seen ? last : first)
                    .push_back(
                        static_cast<int32_t>(integer_value(id, "special token's id", 0, max_token_id)));
        }
        check(seen, "the tokenizer's TemplateProcessing 'single' lacks the sequence A");
    } else if (type == "BertProcessing" || type == "RobertaProcessing") {
        for (auto [key, ids] : {std::pair("cls", &first), std::pair("sep", &last)}) {
            const json& pair = array_field(spec, key);
            check(pair.size() == 2, "the tokenizer's field '", key, "' must be [token, id]");
            ids->push_back(
                static_cast<int32_t>(integer_value(pair[1], "special token's id", 0, max_token_id)));
        }
    } else {
        check(type == "ByteLevel", "the tokenizer's post_processor is of type '", type,
              "', which is not supported");
    }
    before.insert(before.begin(), first.begin(), first.end());
    behind.insert(behind.end(), last.begin(), last.end());
}

Tokenizer::Config::Config(const json& given, const Data& data) {
    check(given.is_null() || given.is_object(), "tokenizer_config.json does not hold an object");
    if (given.is_object()) file = given;
    auto id_of = [&](const char* key) {
        auto content = token_content(file, key);
        return content ? data.id_of(*content) : std::nullopt;
    };
    bos = id_of("bos_token"), eos = id_of("eos_token"), pad = id_of("pad_token");
    if (eos) add_stop(*eos);
    chat_template = template_of(file);
}

void Tokenizer::Config::add_stop(int32_t id) {
    if (std::find(stops.begin(), stops.end(), id) == stops.end()) stops.push_back(id);
}

std::optional<int32_t> Tokenizer::Data::id_of(std::string_view token) const {
    auto id = added.id_of(token);
    return id ? id : bpe.id_of(token);
}

std::string_view Tokenizer::Data::text_of(int32_t id) const {
    const AddedToken* token = added.find(id);
    return token ? std::string_view(token->content) : bpe.token(id);
}

std::string_view Tokenizer::Data::decoded_text_of(int32_t id) const {
    return added.find(id) ? added.decoded(id) : bpe.token(id);
}

Tokenizer Tokenizer::from_json(const json& tokenizer_json, const json& config) {
    check(tokenizer_json.is_object(), "tokenizer.json does not hold an object");
    auto data = std::make_shared<Data>(tokenizer_json);
    data->source = tokenizer_json.dump();
    auto settings = std::make_shared<Config>(config, *data);
    return Tokenizer(std::move(data), std::move(settings));
}

Tokenizer Tokenizer::load(const fs::path& path) {
    if (path.extension() == ".gguf") {
        try {
            return from_gguf(Gguf(path).metadata());
        } catch (const Error& error) {
            fail(path.string(), ": ", error.what());
        }
    }
    fs::path folder = fs::is_directory(path) ? path : path.parent_path();
    fs::path file = fs::is_directory(path) ? path / "tokenizer.json" : path;
    check(fs::exists(file), file.string(),
          " does not exist; a model needs its tokenizer.json (a sentencepiece model alone cannot be read)");
    try {
        std::string source = read_file(file);
        auto data = std::make_shared<Data>(parse_json(source, "tokenizer.json"));
        data->source = std::move(source);
        json config = read_json_if_exists(folder / "tokenizer_config.json");
        json map = read_json_if_exists(folder / "special_tokens_map.json");
        if (config.is_null()) config = json::object();
        for (const char* key : {"bos_token", "eos_token", "pad_token"})
            if (!token_content(config, key) && token_content(map, key))
                config[key] = *token_content(map, key);
        auto settings = std::make_shared<Config>(config, *data);
        if (fs::exists(folder / "chat_template.jinja"))
            settings->chat_template = read_file(folder / "chat_template.jinja");
        json generation = read_json_if_exists(folder / "generation_config.json");
        auto ids = [&](const char* key) {
            std::vector<int32_t> out;
            const json* field = find_field(generation, key);
            if (!field) return out;
            for (const json& id : field->is_array() ? *field : json::array({*field}))
                out.push_back(static_cast<int32_t>(integer_value(id, key, 0, max_token_id)));
            return out;
        };
        for (auto [key, id] :
             {std::pair("bos_token_id", &settings->bos), std::pair("eos_token_id", &settings->eos),
              std::pair("pad_token_id", &settings->pad)})
            if (auto listed = ids(key); !*id && !listed.empty()) *id = listed.front();
        for (int32_t id : ids("eos_token_id")) settings->add_stop(id);
        return Tokenizer(std::move(data), std::move(settings));
    } catch (const Error& error) {
        fail("cannot load the tokenizer of ", folder.string(), ": ", error.what());
    }
}

std::vector<int32_t> Tokenizer::encode(std::string_view text, bool add_special) const {
    check(text.size() < size_t{1} << 30, "a text of ", text.size(), " bytes is too long to encode at once");
    std::string repaired;
    if (!is_valid_utf8(text)) text = repaired = to_valid_utf8(text);

    std::vector<int32_t> ids;
    if (add_special) ids = data_->before;
    for (const TextPart& raw : data_->added.cut(text, false)) {
        if (raw.id >= 0) {
            ids.push_back(raw.id);
            continue;
        }
        std::string normalized = data_->normalizer.apply(raw.text);
        for (const TextPart& part : data_->added.cut(normalized, true)) {
            if (part.id >= 0) {
                ids.push_back(part.id);
                continue;
            }
            bool at_start = raw.text.data() == text.data() && part.text.data() == normalized.data();
            data_->pretokenizer.split(part.text, at_start,
                                      [&](std::string_view word) { data_->bpe.encode(word, ids); });
        }
    }
    if (add_special) ids.insert(ids.end(), data_->behind.begin(), data_->behind.end());
    return ids;
}

std::string Tokenizer::decode(std::span<const int32_t> ids, bool skip_special) const {
    std::vector<std::string> tokens;
    tokens.reserve(ids.size());
    for (int32_t id : ids) {
        std::string_view text = data_->decoded_text_of(id);
        if (text.empty()) continue;
        // By spelling, as `tokenizers` does it: a token that the normaliser respells is not skipped.
        if (auto named = data_->added.id_of(text); skip_special && named && is_special(*named)) continue;
        tokens.emplace_back(text);
    }
    return data_->decoder.decode(std::move(tokens));
}

std::string Tokenizer::token_bytes(int32_t id) const {
    return data_->decoder.token_bytes(data_->decoded_text_of(id));
}
std::string Tokenizer::token_text(int32_t id) const {
    return std::string(data_->text_of(id));
}
std::optional<int32_t> Tokenizer::token_id(std::string_view token) const {
    return data_->id_of(token);
}
bool Tokenizer::is_added(int32_t id) const {
    return data_->added.find(id) != nullptr;
}

bool Tokenizer::is_special(int32_t id) const {
    const AddedToken* token = data_->added.find(id);
    return token && token->special;
}

int32_t Tokenizer::vocab_size() const {
    int32_t end = data_->bpe.end_id();
    for (const AddedToken& token : data_->added.all()) end = std::max(end, token.id + 1);
    return end;
}

std::optional<int32_t> Tokenizer::bos_id() const {
    return config_->bos;
}
std::optional<int32_t> Tokenizer::eos_id() const {
    return config_->eos;
}
std::optional<int32_t> Tokenizer::pad_id() const {
    return config_->pad;
}
const std::vector<int32_t>& Tokenizer::stop_ids() const {
    return config_->stops;
}
const std::optional<std::string>& Tokenizer::chat_template() const {
    return config_->chat_template;
}
const std::string& Tokenizer::tokenizer_json() const {
    return data_->source;
}

Tokenizer Tokenizer::with_chat_template(std::string source) const {
    auto config = std::make_shared<Config>(*config_);
    config->chat_template = std::move(source);
    return Tokenizer(data_, std::move(config));
}

Tokenizer Tokenizer::with_stop_id(int32_t id) const {
    auto config = std::make_shared<Config>(*config_);
    config->add_stop(id);
    return Tokenizer(data_, std::move(config));
}

void Tokenizer::save(const fs::path& folder) const {
    json file = config_->file;
    file.erase("chat_template");
    if (!find_field(file, "tokenizer_class")) file["tokenizer_class"] = "PreTrainedTokenizerFast";
    for (auto [key, id] : {std::pair("bos_token", bos_id()), std::pair("eos_token", eos_id()),
                           std::pair("pad_token", pad_id())})
        if (id && !token_content(file, key)) file[key] = token_text(*id);
    if (chat_template()) {
        file["chat_template"] = *chat_template();
        write_file(folder / "chat_template.jinja", *chat_template());
    }
    write_file(folder / "tokenizer.json", tokenizer_json());
    write_file(folder / "tokenizer_config.json", file.dump(2) + "\n");
}

}  // namespace r1
