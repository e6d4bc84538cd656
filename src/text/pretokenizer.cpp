#include "text/pretokenizer.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/check.h"
#include "text/byte_level.h"
#include "text/json_fields.h"
#include "text/unicode.h"

namespace r1 {
namespace {

constexpr const char* gpt2_pattern =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";

enum class Behavior { removed, isolated, merged_with_previous, merged_with_next, contiguous };

Behavior parse_behavior(const std::string& name) {
    if (name == "Removed") return Behavior::removed;
    if (name == "Isolated") return Behavior::isolated;
    if (name == "MergedWithPrevious") return Behavior::merged_with_previous;
    if (name == "MergedWithNext") return Behavior::merged_with_next;
    if (name == "Contiguous") return Behavior::contiguous;
    fail("the tokenizer's pre_tokenizer has the behavior '", name, "', which is not supported");
}

// What happens to matches: they vanish, stand alone, or join a neighbour that is not itself a match.
std::vector<Span> arrange(std::vector<Span> spans, Behavior behavior) {
    if (behavior == Behavior::isolated) return spans;
    if (behavior == Behavior::removed) {
        std::erase_if(spans, [](const Span& span) { return span.matched; });
        return spans;
    }
    if (behavior == Behavior::merged_with_next) std::reverse(spans.begin(), spans.end());
    std::vector<Span> out;
    bool previous = false;  // whether the previous span matched
    for (const Span& span : spans) {
        bool join = behavior == Behavior::contiguous ? span.matched == previous : span.matched && !previous;
        if (join && !out.empty()) {
            out.back().begin = std::min(out.back().begin, span.begin);
            out.back().end = std::max(out.back().end, span.end);
        } else {
            out.push_back(span);
        }
        previous = span.matched;
    }
    if (behavior == Behavior::merged_with_next) std::reverse(out.begin(), out.end());
    return out;
}

using SpanFinder = std::function<std::vector<Span>(std::string_view)>;

PreTokenizer::Step split_step(SpanFinder find, Behavior behavior, bool invert = false) {
    return [=](std::string_view text, bool at_start, const WordSink& sink) {
        (void)at_start;
        std::vector<Span> spans = find(text);
        if (invert)
            for (Span& span : spans) span.matched = !span.matched;
        for (const Span& span : arrange(std::move(spans), behavior))
            sink(text.substr(span.begin, span.end - span.begin));
    };
}

SpanFinder matches_of(Regex regex) {
    return [regex](std::string_view text) { return regex.spans(text); };
}

// Every code point of a kind is a match by itself.
SpanFinder each(bool (*kind)(char32_t)) {
    return [kind](std::string_view text) {
        std::vector<Span> spans;
        size_t covered = 0;
        for (size_t position = 0; position < text.size();) {
            size_t begin = position;
            if (!kind(next_code_point(text, position))) continue;
            if (covered < begin) spans.push_back({covered, begin, false});
            spans.push_back({begin, position, true});
            covered = position;
        }
        if (covered < text.size()) spans.push_back({covered, text.size(), false});
        return spans;
    };
}

PreTokenizer::Step byte_level_step(bool add_prefix_space, bool use_regex) {
    return [=, regex = Regex(gpt2_pattern)](std::string_view text, bool, const WordSink& sink) {
        std::string prefixed;
        if (add_prefix_space && !text.starts_with(' ')) {
            prefixed.append(1, ' ').append(text);
            text = prefixed;
        }
        if (!use_regex) return sink(bytes_to_symbols(text));
        for (const Span& span : regex.spans(text))
            sink(bytes_to_symbols(text.substr(span.begin, span.end - span.begin)));
    };
}

PreTokenizer::Step metaspace_step(const nlohmann::json& spec) {
    std::string mark = string_field(spec, "replacement");
    check(is_valid_utf8(mark) && count_code_points(mark) == 1, "the tokenizer's Metaspace replacement '",
          mark, "' is not one character");
    bool add_prefix = bool_field(spec, "add_prefix_space", true);
    std::string scheme = find_field(spec, "prepend_scheme") ? string_field(spec, "prepend_scheme")
                                                            : std::string(add_prefix ? "always" : "never");
    check(scheme == "always" || scheme == "first" || scheme == "never",
          "the tokenizer's Metaspace has prepend_scheme '", scheme, "', which is not supported");
    bool cut = bool_field(spec, "split", true);
    return [=, space = Regex::literal(" "), marks = Regex::literal(mark)](
               std::string_view text, bool at_start, const WordSink& sink) {
        std::string marked = replace_matches(space, text, mark);
        if ((scheme == "always" || (scheme == "first" && at_start)) && !marked.starts_with(mark))
            marked = mark + marked;
        if (!cut) return sink(marked);
        for (const Span& span : arrange(marks.spans(marked), Behavior::merged_with_next))
            sink(std::string_view(marked).substr(span.begin, span.end - span.begin));
    };
}

}  // namespace

Regex pattern_field(const nlohmann::json& spec) {
    const nlohmann::json* pattern = find_field(spec, "pattern");
    check(pattern && pattern->is_object() && pattern->size() == 1,
          R"(the tokenizer's field 'pattern' must be {"String": ...} or {"Regex": ...})");
    if (find_field(*pattern, "String")) return Regex::literal(string_field(*pattern, "String"));
    return Regex(string_field(*pattern, "Regex"));
}

std::string replace_matches(const Regex& regex, std::string_view text, std::string_view content) {
    std::string out;
    for (const Span& span : regex.spans(text))
        out += span.matched ? content : text.substr(span.begin, span.end - span.begin);
    return out;
}

PreTokenizer::PreTokenizer(const nlohmann::json& spec) {
    add(spec, 0);
}

void PreTokenizer::add(const nlohmann::json& spec, int depth) {
    if (spec.is_null()) return;
    check(depth < 16, "the tokenizer's pre_tokenizers are nested too deeply");
    std::string type = string_field(spec, "type");
    if (type == "Sequence") {
        for (const nlohmann::json& step : array_field(spec, "pretokenizers")) add(step, depth + 1);
    } else if (type == "ByteLevel") {
        steps_.push_back(
            byte_level_step(bool_field(spec, "add_prefix_space", true), bool_field(spec, "use_regex", true)));
    } else if (type == "Split") {
        steps_.push_back(split_step(matches_of(pattern_field(spec)),
                                    parse_behavior(string_field(spec, "behavior")),
                                    bool_field(spec, "invert", false)));
    } else if (type == "Digits") {
        bool individual = bool_field(spec, "individual_digits", false);
        steps_.push_back(
            split_step(each(is_numeric), individual ? Behavior::isolated : Behavior::contiguous));
    } else if (type == "WhitespaceSplit") {
        steps_.push_back(split_step(each(is_space), Behavior::removed));
    } else if (type == "Whitespace") {
        Regex words(
            R"([\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\x{200C}\x{200D}]+|[^\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\x{200C}\x{200D}\s]+)");
        steps_.push_back(split_step(matches_of(words), Behavior::removed, true));
    } else if (type == "Metaspace") {
        steps_.push_back(metaspace_step(spec));
    } else {
        fail("the tokenizer's pre_tokenizer is of type '", type, "', which is not supported");
    }
    check(steps_.size() <= 64, "the tokenizer has more than 64 pre_tokenizers");
}

void PreTokenizer::split(std::string_view text, bool at_start, const WordSink& sink) const {
    run(0, text, at_start, sink);
}

void PreTokenizer::run(size_t step, std::string_view text, bool at_start, const WordSink& sink) const {
    if (text.empty()) return;
    if (step == steps_.size()) return sink(text);
    bool first = true;
    steps_[step](text, at_start, [&](std::string_view piece) {
        run(step + 1, piece, at_start && first, sink);
        first = false;
    });
}

}  // namespace r1
