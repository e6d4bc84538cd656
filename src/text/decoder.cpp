#include "text/decoder.h"

#include <nlohmann/json.hpp>

#include "core/check.h"
#include "text/byte_level.h"
#include "text/json_fields.h"
#include "text/pretokenizer.h"
#include "text/unicode.h"

namespace r1 {
namespace {

std::string join(const std::vector<std::string>& parts, std::string_view between) {
    std::string out;
    for (size_t i = 0; i < parts.size(); ++i) {
        if (i > 0) out += between;
        out += parts[i];
    }
    return out;
}

std::string bytes_or_text(std::string token) {
    auto bytes = symbols_to_bytes(token);
    return bytes ? *bytes : token;
}

// "<0x0A>" is the byte 10.
std::optional<char> byte_of(std::string_view token) {
    if (token.size() != 6 || !token.starts_with("<0x") || token[5] != '>') return std::nullopt;
    int value = 0;
    for (char c : token.substr(3, 2)) {
        int digit = c >= '0' && c <= '9'                 ? c - '0'
                    : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10
                                                         : -1;
        if (digit < 0) return std::nullopt;
        value = value * 16 + digit;
    }
    return static_cast<char>(value);
}

// Runs of byte tokens become text; in a run that is not valid UTF-8 each byte becomes U+FFFD.
std::vector<std::string> fall_back(std::vector<std::string> tokens) {
    std::vector<std::string> out;
    std::string run;
    auto flush = [&] {
        if (is_valid_utf8(run)) {
            if (!run.empty()) out.push_back(run);
        } else {
            out.insert(out.end(), run.size(), "\xEF\xBF\xBD");
        }
        run.clear();
    };
    for (std::string& token : tokens) {
        if (auto byte = byte_of(token)) {
            run.push_back(*byte);
        } else {
            flush();
            out.push_back(std::move(token));
        }
    }
    flush();
    return out;
}

// Removes up to `start` and `stop` times the character at the ends.
std::string strip(std::string_view text, std::string_view character, int64_t start, int64_t stop) {
    for (; start > 0 && text.starts_with(character); --start) text.remove_prefix(character.size());
    for (; stop > 0 && text.ends_with(character); --stop) text.remove_suffix(character.size());
    return std::string(text);
}

}  // namespace

Decoder::Decoder(const nlohmann::json& spec) : joins_with_spaces_(spec.is_null()) {
    add(spec, 0);
}

void Decoder::add(const nlohmann::json& spec, int depth) {
    if (spec.is_null()) return;
    check(depth < 16, "the tokenizer's decoders are nested too deeply");
    std::string type = string_field(spec, "type");
    if (type == "Sequence") {
        for (const nlohmann::json& step : array_field(spec, "decoders")) add(step, depth + 1);
    } else if (type == "ByteLevel") {
        steps_.push_back([](std::vector<std::string> tokens) {
            for (std::string& token : tokens) token = bytes_or_text(std::move(token));
            return std::vector<std::string>{to_valid_utf8(join(tokens, ""))};
        });
        byte_steps_.push_back(bytes_or_text);
    } else if (type == "Replace") {
        auto replace = [regex = pattern_field(spec), content = string_field(spec, "content")](
                           const std::string& token) { return replace_matches(regex, token, content); };
        steps_.push_back([replace](std::vector<std::string> tokens) {
            for (std::string& token : tokens) token = replace(token);
            return tokens;
        });
        byte_steps_.push_back(replace);
    } else if (type == "ByteFallback") {
        steps_.push_back(fall_back);
        byte_steps_.push_back([](std::string token) {
            auto byte = byte_of(token);
            return byte ? std::string(1, *byte) : token;
        });
    } else if (type == "Fuse") {
        steps_.push_back(
            [](std::vector<std::string> tokens) { return std::vector<std::string>{join(tokens, "")}; });
    } else if (type == "Strip") {
        auto bound = [&](const char* key) {
            const nlohmann::json* field = find_field(spec, key);
            return field ? integer_value(*field, key, 0, 1 << 20) : 0;
        };
        std::string content = string_field(spec, "content");
        check(count_code_points(content) == 1,
              "the tokenizer's Strip decoder needs one character as its content");
        steps_.push_back([=, start = bound("start"), stop = bound("stop")](std::vector<std::string> tokens) {
            for (std::string& token : tokens) token = strip(token, content, start, stop);
            return tokens;
        });
    } else {
        fail("the tokenizer's decoder is of type '", type, "', which is not supported");
    }
}

std::string Decoder::decode(std::vector<std::string> tokens) const {
    for (const Step& step : steps_) tokens = step(std::move(tokens));
    return join(tokens, joins_with_spaces_ ? " " : "");
}

std::string Decoder::token_bytes(std::string_view token) const {
    std::string out(token);
    for (const auto& step : byte_steps_) {
        if (!is_valid_utf8(out)) break;  // already bytes
        out = step(std::move(out));
    }
    return out;
}

}  // namespace r1
