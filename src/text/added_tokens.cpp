#include "text/added_tokens.h"

#include <algorithm>

#include "core/check.h"
#include "text/regex.h"
#include "text/unicode.h"

namespace r1 {
namespace {

constexpr size_t max_length = 1024;

std::string_view last_character(std::string_view text) {
    size_t begin = text.size();
    do --begin;
    while (begin > 0 && (text[begin] & 0xC0) == 0x80);
    return text.substr(begin);
}

// Alphabetic, marks, decimal digits, connector punctuation and joiners: \w of UTS 18.
bool is_word_character(std::string_view character) {
    static const Regex word(R"([\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\x{200C}\x{200D}])");
    return word.spans(character).front().matched;
}

std::string_view first_character(std::string_view text) {
    size_t end = 0;
    next_code_point(text, end);
    return text.substr(0, end);
}

bool stands_alone(std::string_view text, size_t begin, size_t end) {
    bool before = begin > 0 && is_word_character(last_character(text.substr(0, begin)));
    bool behind = end < text.size() && is_word_character(first_character(text.substr(end)));
    return !before && !behind;
}

size_t skip_spaces_left(std::string_view text, size_t begin) {
    while (begin > 0) {
        std::string_view last = last_character(text.substr(0, begin));
        size_t at = 0;
        if (!is_space(next_code_point(last, at))) break;
        begin -= last.size();
    }
    return begin;
}

size_t skip_spaces_right(std::string_view text, size_t end) {
    while (end < text.size()) {
        size_t next = end;
        if (!is_space(next_code_point(text, next))) break;
        end = next;
    }
    return end;
}

}  // namespace

void StringMatcher::add(std::string_view text, int32_t value) {
    uint32_t node = 0;
    for (char c : text) {
        auto [it, inserted] =
            children_.try_emplace(uint64_t{node} << 8 | static_cast<unsigned char>(c), nodes_);
        if (inserted) ++nodes_;
        node = it->second;
    }
    values_[node] = value;
    first_[static_cast<unsigned char>(text[0])] = true;
}

std::optional<StringMatcher::Match> StringMatcher::find(std::string_view text, size_t start) const {
    for (size_t begin = start; begin < text.size(); ++begin) {
        if (!first_[static_cast<unsigned char>(text[begin])]) continue;
        std::optional<Match> longest;
        uint32_t node = 0;
        for (size_t end = begin; end < text.size();) {
            auto child = children_.find(uint64_t{node} << 8 | static_cast<unsigned char>(text[end++]));
            if (child == children_.end()) break;
            node = child->second;
            if (auto value = values_.find(node); value != values_.end())
                longest = Match{begin, end, value->second};
        }
        if (longest) return longest;
    }
    return std::nullopt;
}

void AddedTokens::add(AddedToken token, const Normalizer& normalizer) {
    check(token.content.size() <= max_length, "the added token ", token.id, " is ", token.content.size(),
          " bytes long; the limit is ", max_length);
    std::string form = token.normalized ? normalizer.apply(token.content) : token.content;
    auto known = by_id_.find(token.id);
    if (known == by_id_.end()) {
        by_id_[token.id] = tokens_.size();
        by_content_[token.content] = token.id;
        if (!form.empty()) (token.normalized ? normalized_ : raw_).add(form, token.id);
        tokens_.push_back(std::move(token));
        forms_.push_back(std::move(form));
        return;
    }
    check(tokens_[known->second].content == token.content &&
              tokens_[known->second].normalized == token.normalized,
          "the added tokens '", tokens_[known->second].content, "' and '", token.content, "' share the id ",
          token.id);
    tokens_[known->second] = std::move(token);
}

const AddedToken* AddedTokens::find(int32_t id) const {
    auto it = by_id_.find(id);
    return it == by_id_.end() ? nullptr : &tokens_[it->second];
}

std::optional<int32_t> AddedTokens::id_of(std::string_view content) const {
    auto it = by_content_.find(std::string(content));
    return it == by_content_.end() ? std::nullopt : std::optional(it->second);
}

std::string_view AddedTokens::decoded(int32_t id) const {
    return forms_[by_id_.at(id)];
}

std::vector<TextPart> AddedTokens::cut(std::string_view text, bool normalized) const {
    const StringMatcher& matcher = normalized ? normalized_ : raw_;
    std::vector<TextPart> parts;
    size_t covered = 0;
    auto part = [&](size_t begin, size_t end, int32_t id) {
        if (begin < end) parts.push_back({text.substr(begin, end - begin), id});
    };
    if (!matcher.empty()) {
        size_t start = 0;
        while (auto match = matcher.find(text, start)) {
            start = match->end;
            size_t begin = match->begin, end = match->end;
            const AddedToken& token = *find(match->value);
            if (token.single_word && !stands_alone(text, begin, end)) continue;
            if (token.lstrip) begin = std::max(skip_spaces_left(text, begin), covered);
            if (token.rstrip) end = skip_spaces_right(text, end);
            part(covered, begin, -1);
            part(begin, end, token.id);
            covered = end;
        }
    }
    part(covered, text.size(), -1);
    return parts;
}

}  // namespace r1
