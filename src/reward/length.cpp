#include "reward/length.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numbers>
#include <unordered_set>
#include <vector>

#include "core/check.h"
#include "core/rng.h"
#include "text/unicode.h"

namespace r1 {
namespace {

constexpr int64_t most_tokens = int64_t{1} << 40;

bool is_word_alone(char32_t c) {  // of scripts that are written without spaces
    return (c >= 0xE01 && c <= 0xE4E) || (c >= 0x3005 && c <= 0x3007) || (c >= 0x3040 && c <= 0x30FF) ||
           (c >= 0x3400 && c <= 0x9FFF) || (c >= 0xF900 && c <= 0xFAFF) || (c >= 0x20000 && c <= 0x323AF);
}

// The hash of each word.
std::vector<uint64_t> words_of(std::string_view text) {
    const std::string lower = lowercase(to_valid_utf8(text));
    std::vector<uint64_t> words;
    size_t begin = 0;
    const auto end_word = [&](size_t end) {
        if (end > begin) words.push_back(hash_bytes(lower.data() + begin, end - begin));
    };
    for (size_t i = 0; i < lower.size();) {
        const size_t at = i;
        const char32_t c = next_code_point(lower, i);
        const bool alone = is_word_alone(c);
        if (!alone && !is_space(c)) continue;
        end_word(at);
        begin = at;
        if (alone) end_word(i);
        begin = i;
    }
    end_word(lower.size());
    return words;
}

int64_t integer(const nlohmann::json& options, const char* key, int64_t low, int64_t high,
                int64_t otherwise) {
    if (!options.is_object() || !options.contains(key)) return otherwise;
    check(options[key].is_number_integer(), key, " is not an integer");
    const auto value = options[key].get<int64_t>();
    check(value >= low && value <= high, key, " is ", value, ", which is not in ", low, " to ", high);
    return value;
}

struct Length {
    int64_t tokens = 0, max_tokens = 0, cache = 0;
    bool cosine = false, correct = false;
};

Length length_of(const nlohmann::json& options) {
    check(options.is_object() && options.contains("tokens") && options.contains("max_tokens"),
          "length: the integers tokens and max_tokens are needed");
    Length length;
    length.tokens = integer(options, "tokens", 0, most_tokens, 0);
    length.max_tokens = integer(options, "max_tokens", 0, most_tokens, 0);
    length.cache = integer(options, "cache", 0, most_tokens, length.max_tokens / 5);
    const std::string scheme = options.value("scheme", nlohmann::json("soft_overlong")).dump();
    check(scheme == "\"soft_overlong\"" || scheme == "\"cosine\"", "length: unknown scheme ",
          scheme.substr(0, 60), "; the known ones are soft_overlong and cosine");
    length.cosine = scheme == "\"cosine\"";
    if (length.cosine) {
        check(options.contains("correct") && options["correct"].is_boolean(),
              "length: cosine needs \"correct\": true or false");
        length.correct = options["correct"].get<bool>();
    }
    return length;
}

struct Repetition {
    int n = 3;
    double most_penalty = -1;
};

Repetition repetition_of(const nlohmann::json& options) {
    Repetition repetition;
    repetition.n = static_cast<int>(integer(options, "n", 1, 1000, repetition.n));
    if (options.is_object() && options.contains("max_penalty")) {
        check(options["max_penalty"].is_number(), "repetition: max_penalty is not a number");
        repetition.most_penalty = options["max_penalty"].get<double>();
    }
    check(repetition.most_penalty <= 0 && repetition.most_penalty >= -1e6,
          "repetition: max_penalty is a penalty, from -1e6 to 0");
    return repetition;
}

Verdict verdict_of(double score, std::string reason) {
    return {score, score >= 0 ? Outcome::correct : Outcome::wrong, std::move(reason)};
}

}  // namespace

double soft_overlong_penalty(int64_t length, int64_t max_length, int64_t cache) {
    if (length <= max_length - cache) return 0.0;
    if (length > max_length) return -1.0;
    return static_cast<double>(max_length - cache - length) / static_cast<double>(cache);
}

double cosine_length_reward(int64_t length, int64_t max_length, bool correct) {
    const double high = correct ? 1.0 : -1.0, low = correct ? 0.5 : -0.5;
    const double progress =
        length >= max_length ? 1.0 : static_cast<double>(length) / static_cast<double>(max_length);
    return low + (high - low) * (1 + std::cos(std::numbers::pi * progress)) / 2;
}

double repetition_penalty(std::string_view text, int n, double most_penalty) {
    const std::vector<uint64_t> words = words_of(text);
    const auto size = static_cast<size_t>(n);
    if (words.size() < size) return 0;
    const size_t all = words.size() - size + 1;
    std::unordered_set<uint64_t> distinct;
    for (size_t i = 0; i < all; ++i) distinct.insert(hash_bytes(&words[i], size * sizeof words[0]));
    return most_penalty * (1 - static_cast<double>(distinct.size()) / static_cast<double>(all));
}

void check_length_options(const nlohmann::json& options) {
    length_of(options);
}

Verdict verify_length(const nlohmann::json& options, std::string_view) {
    const Length length = length_of(options);
    const double score = length.cosine
                             ? cosine_length_reward(length.tokens, length.max_tokens, length.correct)
                             : soft_overlong_penalty(length.tokens, length.max_tokens, length.cache);
    return verdict_of(score, cat(length.tokens, " of at most ", length.max_tokens, " tokens"));
}

void check_repetition_options(const nlohmann::json& options) {
    repetition_of(options);
}

Verdict verify_repetition(const nlohmann::json& options, std::string_view completion) {
    const Repetition repetition = repetition_of(options);
    const double score = repetition_penalty(completion, repetition.n, repetition.most_penalty);
    return verdict_of(score, score == 0 ? "nothing is repeated" : "some word sequences are repeated");
}

}  // namespace r1
