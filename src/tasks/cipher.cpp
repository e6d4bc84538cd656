#include "tasks/cipher.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <vector>

#include "core/check.h"

namespace r1::cipher {
namespace {

constexpr size_t longest_text = 500;
constexpr const char* kind_names[] = {"caesar", "vigenere", "substitution"};

constexpr const char* words[] = {
    "apple",   "arrow",   "autumn", "basket", "beach",    "bird",    "black",  "bread",    "bridge",
    "bright",  "brother", "butter", "candle", "castle",   "chair",   "cheese", "circle",   "city",
    "clock",   "cloud",   "coffee", "copper", "corner",   "cotton",  "dance",  "desert",   "doctor",
    "dragon",  "dream",   "eagle",  "early",  "earth",    "east",    "engine", "evening",  "family",
    "farmer",  "field",   "finger", "fire",   "flower",   "forest",  "friend", "garden",   "ghost",
    "glass",   "gold",    "grape",  "green",  "guitar",   "hammer",  "happy",  "harbor",   "heavy",
    "hidden",  "honey",   "horse",  "house",  "island",   "jacket",  "jungle", "kettle",   "king",
    "kitchen", "ladder",  "lake",   "lemon",  "letter",   "light",   "lion",   "little",   "market",
    "meadow",  "milk",    "mirror", "money",  "monkey",   "morning", "mother", "mountain", "music",
    "night",   "north",   "ocean",  "office", "orange",   "orchard", "palace", "paper",    "pencil",
    "people",  "pepper",  "piano",  "planet", "pocket",   "poem",    "prince", "purple",   "quick",
    "quiet",   "rabbit",  "rain",   "river",  "road",     "rocket",  "round",  "sailor",   "salt",
    "school",  "secret",  "shadow", "sheep",  "silver",   "simple",  "sister", "sleep",    "small",
    "smile",   "snow",    "song",   "south",  "spider",   "spring",  "square", "stone",    "storm",
    "story",   "street",  "sugar",  "summer", "sunset",   "sweet",   "table",  "teacher",  "temple",
    "thunder", "tiger",   "tower",  "travel", "treasure", "valley",  "velvet", "village",  "violin",
    "water",   "west",    "whale",  "wheel",  "whisper",  "white",   "window", "winter",   "wolf",
    "wonder",  "yellow",  "young",  "juice",  "judge",    "queen"};

bool is_letter(char c) {
    return c >= 'a' && c <= 'z';
}

std::string code(const Puzzle& puzzle, const std::string& text, bool back) {
    std::string out;
    size_t letters = 0;
    for (const char c : text) {
        if (!is_letter(c)) {
            out += c;
            continue;
        }
        if (puzzle.kind == Puzzle::Kind::substitution) {
            out +=
                back ? static_cast<char>('a' + puzzle.key.find(c)) : puzzle.key[static_cast<size_t>(c - 'a')];
        } else {
            const int shift = puzzle.key[letters % puzzle.key.size()] - 'a';
            out += static_cast<char>('a' + (c - 'a' + (back ? 26 - shift : shift)) % 26);
        }
        ++letters;
    }
    return out;
}

std::string draw_words(Rng& rng, int count) {
    std::string text;
    for (int i = 0; i < count; ++i) text += cat(i ? " " : "", words[rng.below(std::size(words))]);
    return text;
}

std::string text_of(const nlohmann::json& gold, const char* key) {
    check(gold.is_object() && gold.contains(key) && gold[key].is_string(), "gold: the string ", key,
          " is missing");
    auto text = gold[key].get<std::string>();
    check(!text.empty() && text.size() <= longest_text, "gold: ", key, " needs 1 to ", longest_text,
          " characters");
    return text;
}

Puzzle puzzle_of(const nlohmann::json& gold) {
    Puzzle puzzle;
    const std::string name = text_of(gold, "cipher");
    const auto* found = std::find(std::begin(kind_names), std::end(kind_names), name);
    check(found != std::end(kind_names), "gold: unknown cipher \"", name, "\"");
    puzzle.kind = static_cast<Puzzle::Kind>(found - std::begin(kind_names));
    puzzle.key = text_of(gold, "key");
    check(std::all_of(puzzle.key.begin(), puzzle.key.end(), is_letter),
          "gold: key holds more than small letters");
    if (puzzle.kind == Puzzle::Kind::caesar)
        check(puzzle.key.size() == 1, "gold: the key of caesar is one letter");
    if (puzzle.kind == Puzzle::Kind::substitution) {
        std::string sorted = puzzle.key;
        std::sort(sorted.begin(), sorted.end());
        check(sorted == "abcdefghijklmnopqrstuvwxyz", "gold: the key of substitution is not the 26 letters");
    }
    puzzle.plain = decode(puzzle, text_of(gold, "text"));
    return puzzle;
}

// Small letters with single spaces between words; full stops and quotes at the ends are dropped.
std::string tidy(std::string_view text) {
    std::string out;
    for (const char c : text) {
        if (c == ' ' || c == '\n' || c == '\t' || c == '\r') {
            if (!out.empty() && out.back() != ' ') out += ' ';
        } else {
            out += c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
        }
    }
    const auto drop = [](char c) {
        return c == ' ' || c == '.' || c == '"' || c == '\'' || c == '`' || c == '*';
    };
    while (!out.empty() && drop(out.back())) out.pop_back();
    while (!out.empty() && drop(out.front())) out.erase(0, 1);
    return out;
}

std::string solve(const nlohmann::json& gold) {
    return puzzle_of(gold).plain;
}

Check check_answer(const nlohmann::json& gold, std::string_view answer) {
    const Puzzle puzzle = puzzle_of(gold);
    if (answer.size() > 2 * longest_text) return {false, false, "too long"};
    const std::string text = tidy(answer);
    if (text.empty()) return {false, false, "no text"};
    if (!std::all_of(text.begin(), text.end(), [](char c) { return is_letter(c) || c == ' '; }))
        return {false, false, "holds more than letters and spaces"};
    if (text != tidy(puzzle.plain)) return {true, false, "another text"};
    return {true, true, "the plain text"};
}

std::string explanation(const Puzzle& puzzle, Language language) {
    const bool english = language == Language::english;
    const std::string shown = encode(puzzle, puzzle.example);
    const auto example = [&] {
        return english ? cat("With it, \"", puzzle.example, "\" becomes \"", shown, "\".")
                       : cat("例如“", puzzle.example, "”加密后是“", shown, "”。");
    };
    switch (puzzle.kind) {
        case Puzzle::Kind::caesar:
            if (puzzle.example.empty()) {
                const int shift = puzzle.key[0] - 'a';
                return english ? cat("A text was encrypted by moving each letter ", shift,
                                     " places forward in the alphabet, from z on to a.")
                               : cat("一段英文的每个字母都在字母表中后移了 ", shift, " 位（z 之后回到 a）。");
            }
            return (english ? "A text was encrypted by moving each letter the same number of places forward "
                              "in the "
                              "alphabet, from z on to a. "
                            : "一段英文的每个字母都在字母表中后移了相同的位数（z 之后回到 a）。") +
                   example();
        case Puzzle::Kind::substitution:
            return (english ? "A text was encrypted by replacing each letter of the alphabet by another one, "
                              "always "
                              "the same. "
                            : "一段英文的每个字母都固定地换成了另一个字母。") +
                   example();
        default:
            break;
    }
    const std::string rule =
        english
            ? "Letter by letter (spaces do not count), the letters of the key, repeated, say how far to move "
              "forward in the alphabet: a by 0, b by 1, and so on."
            : "逐个字母（空格不算）按循环使用的密钥字母在字母表中后移：a 移 0 位，b 移 1 位，依此类推。";
    if (puzzle.example.empty())
        return english ? cat("A text was encrypted with a Vigenère cipher and the key \"", puzzle.key, "\". ",
                             rule)
                       : cat("一段英文用维吉尼亚密码加密，密钥是“", puzzle.key, "”。", rule);
    return english
               ? cat("A text was encrypted with a Vigenère cipher and a key of ", puzzle.key.size(),
                     " letters. ", rule, " ", example())
               : cat("一段英文用维吉尼亚密码加密，密钥有 ", puzzle.key.size(), " 个字母。", rule, example());
}

Problem generate(Rng& rng, int level, Language language) {
    const Puzzle puzzle = draw(rng, level);
    const std::string text = encode(puzzle, puzzle.plain);
    const bool english = language == Language::english;
    return stated_problem(
        "cipher", level, language,
        explanation(puzzle, language) +
            (english ? cat(" Decrypt \"", text, "\".") : cat("请解密“", text, "”。")),
        english ? "only the decrypted words" : "只写解密后的单词",
        {{"cipher", kind_names[static_cast<size_t>(puzzle.kind)]}, {"key", puzzle.key}, {"text", text}},
        canonical(puzzle));
}

}  // namespace

std::string encode(const Puzzle& puzzle, const std::string& plain) {
    return code(puzzle, plain, false);
}
std::string decode(const Puzzle& puzzle, const std::string& text) {
    return code(puzzle, text, true);
}

Puzzle draw(Rng& rng, int level) {
    constexpr std::array<int, 5> word_count{2, 3, 3, 3, 4};
    Puzzle puzzle;
    const int count = word_count[static_cast<size_t>(level - 1)];
    puzzle.plain = draw_words(rng, count);
    if (level <= 2) {
        puzzle.kind = Puzzle::Kind::caesar;
        puzzle.key = static_cast<char>('a' + rng.range(1, 25));
        if (level == 2) puzzle.example = draw_words(rng, 1);
    } else if (level == 4) {
        puzzle.kind = Puzzle::Kind::substitution;
        puzzle.key.resize(26);
        std::iota(puzzle.key.begin(), puzzle.key.end(), 'a');
        rng.shuffle(puzzle.key);
        // Words until the example has every letter of the text: then it says all of the key that is needed.
        const auto lacks = [&](char c) {
            return is_letter(c) && puzzle.example.find(c) == std::string::npos;
        };
        while (std::any_of(puzzle.plain.begin(), puzzle.plain.end(), lacks)) {
            const std::string word = draw_words(rng, 1);
            if (std::none_of(word.begin(), word.end(), lacks) || puzzle.plain.find(word) != std::string::npos)
                continue;
            puzzle.example += (puzzle.example.empty() ? "" : " ") + word;
        }
    } else {
        puzzle.kind = Puzzle::Kind::vigenere;
        for (int i = rng.range(3, level == 3 ? 4 : 5); i > 0; --i)
            puzzle.key += static_cast<char>('a' + rng.range(1, 25));
        if (level == 5) puzzle.example = draw_words(rng, 2);  // of eight letters or more
    }
    return puzzle;
}

std::string canonical(const Puzzle& puzzle) {
    std::vector<std::string> parts;
    std::string word;
    for (const char c : puzzle.plain + " ") {
        if (c != ' ') {
            word += c;
        } else {
            parts.push_back(std::exchange(word, ""));
        }
    }
    std::sort(parts.begin(), parts.end());
    std::string text = "cipher";
    for (const std::string& part : parts) text += " " + part;
    return text;
}

Family family() {
    return {"cipher", "decode words from a rule or an example", 5, 2, generate, solve, check_answer};
}

}  // namespace r1::cipher
