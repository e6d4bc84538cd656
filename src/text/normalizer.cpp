#include "text/normalizer.h"

#include <nlohmann/json.hpp>

#include "core/check.h"
#include "text/byte_level.h"
#include "text/json_fields.h"
#include "text/pretokenizer.h"
#include "text/regex.h"
#include "text/unicode.h"

namespace r1 {
namespace {

std::string strip(const std::string& text, bool left, bool right) {
    size_t begin = 0, end = 0;  // of what stays
    bool inside = false;
    for (size_t position = 0; position < text.size();) {
        size_t at = position;
        if (is_space(next_code_point(text, position))) continue;
        if (!inside) begin = at;
        inside = true;
        end = position;
    }
    if (!inside) return left || right ? "" : text;
    if (!left) begin = 0;
    if (!right) end = text.size();
    return text.substr(begin, end - begin);
}

}  // namespace

Normalizer::Normalizer(const nlohmann::json& spec) {
    add(spec, 0);
}

void Normalizer::add(const nlohmann::json& spec, int depth) {
    if (spec.is_null()) return;
    check(depth < 16, "the tokenizer's normalizers are nested too deeply");
    std::string type = string_field(spec, "type");
    auto form = [&](NormalForm f) {
        steps_.push_back([f](const std::string& text) { return normalize(text, f); });
    };
    if (type == "Sequence") {
        for (const nlohmann::json& step : array_field(spec, "normalizers")) add(step, depth + 1);
    } else if (type == "NFC") {
        form(NormalForm::nfc);
    } else if (type == "NFD") {
        form(NormalForm::nfd);
    } else if (type == "NFKC") {
        form(NormalForm::nfkc);
    } else if (type == "NFKD") {
        form(NormalForm::nfkd);
    } else if (type == "Lowercase") {
        steps_.push_back([](const std::string& text) { return lowercase(text); });
    } else if (type == "Prepend") {
        steps_.push_back([prefix = string_field(spec, "prepend")](const std::string& text) {
            return text.empty() ? text : prefix + text;
        });
    } else if (type == "Replace") {
        steps_.push_back([regex = pattern_field(spec), content = string_field(spec, "content")](
                             const std::string& text) { return replace_matches(regex, text, content); });
    } else if (type == "Strip") {
        bool left = bool_field(spec, "strip_left", true), right = bool_field(spec, "strip_right", true);
        steps_.push_back([left, right](const std::string& text) { return strip(text, left, right); });
    } else if (type == "ByteLevel") {
        steps_.push_back([](const std::string& text) { return bytes_to_symbols(text); });
    } else {
        fail("the tokenizer's normalizer is of type '", type, "', which is not supported");
    }
}

std::string Normalizer::apply(std::string_view text) const {
    std::string out(text);
    for (const auto& step : steps_) out = step(out);
    return out;
}

}  // namespace r1
