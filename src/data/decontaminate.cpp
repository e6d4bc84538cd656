#include "data/decontaminate.h"

#include <algorithm>
#include <map>

#include "core/rng.h"
#include "text/unicode.h"

namespace r1 {
namespace {

bool is_word_by_itself(char32_t c) {
    return (c >= 0x3040 && c <= 0x30FF) || (c >= 0x3400 && c <= 0x4DBF) || (c >= 0x4E00 && c <= 0x9FFF) ||
           (c >= 0xAC00 && c <= 0xD7AF) || (c >= 0xF900 && c <= 0xFAFF) || (c >= 0x20000 && c <= 0x3FFFF);
}

// Letters, marks and digits of any script; without a table of categories: what is neither ASCII punctuation
// nor in the blocks of punctuation and symbols.
bool is_part_of_word(char32_t c) {
    if (c < 0x80) return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (is_space(c)) return false;
    return !(c <= 0xBF || c == 0xD7 || c == 0xF7 || (c >= 0x2000 && c <= 0x2BFF) ||
             (c >= 0x3000 && c <= 0x303F) || (c >= 0xFE10 && c <= 0xFE6F) || (c >= 0xFF00 && c <= 0xFF0F) ||
             (c >= 0x1F000 && c <= 0x1FAFF) || c == replacement_character);
}

}  // namespace

Words words_of(std::string_view text) {
    const std::string plain = lowercase(normalize(to_valid_utf8(text), NormalForm::nfkc));
    Words words;
    std::string word;
    const auto finish = [&] {
        if (word.empty()) return;
        words.hashes.push_back(hash_bytes(word.data(), word.size()));
        words.texts.push_back(std::exchange(word, {}));
    };
    for (size_t at = 0; at < plain.size();) {
        const char32_t c = next_code_point(plain, at);
        const bool alone = is_word_by_itself(c);
        if (alone || !is_part_of_word(c)) finish();
        if (alone || is_part_of_word(c)) append_utf8(word, c);
        if (alone) finish();
    }
    finish();
    return words;
}

std::string compared_text(const Example& example) {
    if (example.kind == "countdown") return example.gold.dump();
    if (!example.messages.is_array()) return example.question;
    std::string text;
    for (const auto& message : example.messages)
        if (message.at("role") != "system") text += message.at("content").get<std::string>() + "\n";
    return text;
}

// The n-gram that begins at each word; of a short text its one, whole.
std::vector<uint64_t> NgramIndex::ngrams(const Words& words) const {
    const auto n = static_cast<size_t>(n_);
    const size_t count = words.hashes.size();
    std::vector<uint64_t> grams;
    if (count == 0) return grams;
    if (count < n) return {hash_bytes(words.hashes.data(), count * sizeof(uint64_t), count)};
    grams.reserve(count - n + 1);
    for (size_t i = 0; i + n <= count; ++i)
        grams.push_back(hash_bytes(words.hashes.data() + i, n * sizeof(uint64_t), n));
    return grams;
}

void NgramIndex::add(std::string_view text) {
    std::vector<uint64_t> grams = ngrams(words_of(text));
    std::sort(grams.begin(), grams.end());
    grams.erase(std::unique(grams.begin(), grams.end()), grams.end());
    const auto id = static_cast<uint32_t>(sizes_.size());
    for (const uint64_t gram : grams) entries_.push_back({gram, id});
    sizes_.push_back(static_cast<uint32_t>(grams.size()));
}

void NgramIndex::finish() {
    std::sort(entries_.begin(), entries_.end());
}

std::optional<NgramIndex::Match> NgramIndex::match(std::string_view text) const {
    const Words words = words_of(text);
    const std::vector<uint64_t> grams = ngrams(words);
    const auto with = [&](uint64_t gram) {
        return std::equal_range(entries_.begin(), entries_.end(), Entry{gram, 0},
                                [](const Entry& a, const Entry& b) { return a.ngram < b.ngram; });
    };
    std::vector<uint64_t> different = grams;
    std::sort(different.begin(), different.end());
    different.erase(std::unique(different.begin(), different.end()), different.end());
    std::map<uint32_t, size_t> shared;
    for (const uint64_t gram : different) {
        const auto [begin, end] = with(gram);
        for (auto entry = begin; entry != end; ++entry) ++shared[entry->id];
    }
    if (shared.empty()) return std::nullopt;
    // the text of which the greatest part is here; of equals the one with more, then the first
    const auto best = std::max_element(shared.begin(), shared.end(), [&](const auto& a, const auto& b) {
        const size_t left = a.second * sizes_[b.first], right = b.second * sizes_[a.first];
        return left != right ? left < right : a.second < b.second;
    });
    Match match{best->first, best->second, sizes_[best->first], {}};
    size_t longest = 0, longest_end = 0, run = 0;
    for (size_t i = 0; i < grams.size(); ++i) {
        run =
            std::binary_search(entries_.begin(), entries_.end(), Entry{grams[i], best->first}) ? run + 1 : 0;
        if (run > longest) longest = run, longest_end = i;
    }
    const size_t first = longest_end + 1 - longest;
    const size_t last = std::min(longest_end + static_cast<size_t>(n_), words.texts.size());
    for (size_t i = first; i < last; ++i) match.text += (i == first ? "" : " ") + words.texts[i];
    return match;
}

}  // namespace r1
