#include "reward/choice.h"

#include <algorithm>
#include <bit>
#include <nlohmann/json.hpp>
#include <vector>

#include "core/check.h"
#include "reward/choice_statements.h"
#include "reward/choice_words.h"
#include "reward/verifier.h"
#include "text/boxes.h"

namespace r1 {
namespace {

using Words = std::vector<std::string>;
constexpr size_t most_options = 26;
constexpr uint32_t usual_letters = 0xFF;  // A to H

Choice chosen(int letter) {
    return {letter, false, ""};
}
Choice contradiction() {
    return {-1, true, "several letters contradict each other"};
}
Choice nothing() {
    return {-1, false, "no option could be read as the answer"};
}

// --- the texts of options --------------------------------------------------------------------------------

// A word, number or character of the text, as options' texts are compared: without case and punctuation.
struct Piece {
    std::string text;
    int sentence = 0;
    bool joined = false;  // no white space before: "3.5" is 3 with 5 joined
};

std::vector<Piece> pieces_of(const std::vector<AnswerToken>& tokens) {
    std::vector<Piece> pieces;
    int sentence = 0;
    bool space = true;
    for (const AnswerToken& token : tokens) {
        space = space || token.space;
        if (token.kind == TokenKind::newline) {
            ++sentence, space = true;
        } else if (token.kind == TokenKind::sign) {
            static constexpr std::string_view dropped = ".,;:!?()[]<>\"'“”‘’「」『』【】《》。、#";
            if (token.text == "." || token.text == "。" || token.text == "!" || token.text == "?") {
                pieces.push_back({"", sentence, false});  // ends a sentence unless a digit is joined to it
                continue;
            }
            if (dropped.find(token.text) != std::string_view::npos) continue;
            pieces.push_back({token.text, sentence, !space});
            space = false;
        } else if (token.kind == TokenKind::script) {
            for (size_t i = 0; i < token.text.size();) {
                size_t end = i + 1;
                while (end < token.text.size() && (token.text[end] & 0xC0) == 0x80) ++end;
                pieces.push_back({token.text.substr(i, end - i), sentence, false});
                i = end;
            }
            space = false;
        } else {
            std::string text = token.text;
            if (token.kind == TokenKind::letter) text[0] = static_cast<char>(text[0] | 32);
            pieces.push_back({std::move(text), sentence, !space});
            space = false;
        }
        // Sentences end at a stop that nothing is joined to.
        if (pieces.size() > 1 && pieces[pieces.size() - 2].text.empty()) {
            Piece last = std::move(pieces.back());
            pieces.pop_back();
            pieces.pop_back();
            if (!last.joined) last.sentence = ++sentence;
            pieces.push_back(std::move(last));
        }
    }
    while (!pieces.empty() && pieces.back().text.empty()) pieces.pop_back();
    return pieces;
}

bool is_article(std::string_view word) {
    return word == "the" || word == "a" || word == "an";
}

Words words_of(std::string_view text) {
    Words words;
    for (Piece& piece : pieces_of(answer_tokens(plain_answer(text)))) words.push_back(std::move(piece.text));
    if (words.size() > 1 && is_article(words.front())) words.erase(words.begin());
    return words;
}

class OptionTexts {
  public:
    OptionTexts(const std::vector<Words>& texts, uint32_t letters) : texts_(texts) {
        for (size_t i = 0; i < texts.size(); ++i) {
            const bool is_letter = texts[i].size() == 1 && texts[i][0].size() == 1 && texts[i][0][0] >= 'a' &&
                                   (letters >> (texts[i][0][0] - 'a') & 1);
            usable_.push_back(!texts[i].empty() && !is_letter &&
                              std::count(texts.begin(), texts.end(), texts[i]) == 1);
        }
    }

    // The option with the longest text that the pieces have at `at`, or -1; `length` is the pieces' number.
    int longest_at(const std::vector<Piece>& pieces, size_t at, size_t& length) const {
        int best = -1;
        length = 0;
        const size_t skip = at + 1 < pieces.size() && is_article(pieces[at].text) ? 1 : 0;
        for (size_t i = 0; i < texts_.size(); ++i) {
            const Words& text = texts_[i];
            const size_t begin = at + skip, end = begin + text.size();
            if (!usable_[i] || text.size() + skip <= length || end > pieces.size()) continue;
            const bool same =
                std::equal(text.begin(), text.end(), pieces.begin() + static_cast<ptrdiff_t>(begin),
                           [](const std::string& a, const Piece& b) { return a == b.text; });
            if (!same || (end < pieces.size() && pieces[end].joined)) continue;
            best = static_cast<int>(i), length = text.size() + skip;
        }
        return best;
    }

    // The option whose text the pieces are.
    int whole(const std::vector<Piece>& pieces) const {
        size_t length = 0;
        const int found = pieces.empty() ? -1 : longest_at(pieces, 0, length);
        return found >= 0 && length == pieces.size() ? found : -1;
    }

    // "the answer is Paris"
    Choice stated(const std::vector<Piece>& pieces) const {
        using namespace choice_words;
        Choice result = nothing();
        for (size_t p = 0; p < pieces.size(); ++p) {
            const bool chinese = p > 0 && pieces[p].text == "案" && pieces[p - 1].text == "答";
            if (!chinese && !has(answer, pieces[p].text)) continue;
            if (p > 0 && has(denying_adjectives, pieces[p - 1].text)) continue;
            for (size_t q = p + 1; q < pieces.size() && q < p + 8; ++q) {
                size_t length = 0;
                const int found = longest_at(pieces, q, length);
                if (found >= 0) {
                    if (result.letter >= 0 && result.letter != found) return contradiction();
                    result = chosen(found);
                    break;
                }
                const std::string& w = pieces[q].text;
                static constexpr std::string_view chinese_fillers[] = {"是", "为", "应", "该",
                                                                       "选", "项", "就"};
                if (!has(fillers, w) && !has(copulas, w) && !has(chinese_fillers, w)) break;
            }
        }
        return result;
    }

    // "The capital of France is Paris.": the last sentence ends with one option's text and has no other.
    int closing(const std::vector<Piece>& pieces) const {
        using namespace choice_words;
        if (pieces.empty()) return -1;
        size_t begin = pieces.size();
        while (begin > 0 && pieces[begin - 1].sentence == pieces.back().sentence) --begin;
        int result = -1;
        for (size_t p = begin; p < pieces.size();) {
            if (has(denials, pieces[p].text) || pieces[p].text == "不" || pieces[p].text == "非") return -1;
            size_t length = 0;
            const int found = longest_at(pieces, p, length);
            if (found < 0) {
                ++p;
                continue;
            }
            static constexpr std::string_view links[] = {"is", "are",  "was", "were", "=",
                                                         "be", "it's", "是",  "为"};
            if (result >= 0 || p == begin || p + length < pieces.size() || !has(links, pieces[p - 1].text))
                return -1;
            result = found;
            p += length;
        }
        return result;
    }

  private:
    const std::vector<Words>& texts_;
    std::vector<char> usable_;
};

// --- letters ---------------------------------------------------------------------------------------------

// The last of the strongest statements, unless one before it contradicts it without a turn between the two.
Choice settle(const StatementReader& reader, const std::vector<Statement>& statements, bool weak) {
    Strength strongest = Strength::none;
    for (const Statement& s : statements)
        if ((s.strength == Strength::weak) == weak) strongest = std::min(strongest, s.strength);
    if (strongest == Strength::none) return nothing();
    const Statement *last = nullptr, *rival = nullptr;  // the rival is the last one with another letter
    for (const Statement& s : statements) {
        if (s.strength != strongest) continue;
        if (last && last->letter != s.letter) rival = last;
        last = &s;
    }
    for (const Statement& s : statements) {  // "Answer: A. Wait, the answer is B."
        if (s.at <= last->at || s.letter == last->letter || s.strength >= Strength::weak) continue;
        if (reader.turns_between(last->at, s.at, true)) last = &s, rival = nullptr;
    }
    if (last->several || (rival && !reader.turns_between(rival->at, last->at, false))) return contradiction();
    return chosen(last->letter);
}

// A line that is a letter, or a text that begins or ends with a labelled one.
Choice read_lines(const StatementReader& reader, const std::vector<AnswerToken>& tokens) {
    Statement first, last, line;
    bool has_first = false, has_last = false, last_labelled = false;
    uint32_t labelled = 0;  // the letters that lines begin with
    for (size_t i = 0; i < tokens.size();) {
        if (tokens[i].kind == TokenKind::newline) {
            ++i;
            continue;
        }
        const bool at_start = i == 0 || (i == 1 && tokens[0].kind == TokenKind::newline);
        const auto kind = reader.read_line(i, line);
        while (i < tokens.size() && tokens[i].kind != TokenKind::newline) ++i;
        const bool at_end = i + 1 >= tokens.size();
        if (kind == StatementReader::Line::none) continue;
        if (kind == StatementReader::Line::labelled) labelled |= 1u << line.letter;
        if (at_start) first = line, has_first = true;
        if (!at_end && (at_start || kind == StatementReader::Line::labelled)) continue;
        last = line, has_last = true;
        last_labelled = kind == StatementReader::Line::labelled;
    }
    if (std::popcount(labelled) > 1) {  // the options again
        has_first = false;
        has_last = has_last && !last_labelled;
    }
    if (has_first && has_last && first.letter != last.letter &&
        !reader.turns_between(first.at, last.at, false))
        return contradiction();
    const Statement& found = has_last ? last : first;
    if (!has_first && !has_last) return nothing();
    return found.several ? contradiction() : chosen(found.letter);
}

Choice read_mentions(const std::vector<Statement>& mentions) {
    if (mentions.empty()) return nothing();
    for (const Statement& s : mentions)
        if (s.letter != mentions.front().letter || s.several) return contradiction();
    return chosen(mentions.front().letter);
}

Choice read_plain(std::string_view text, uint32_t letters, const std::vector<Words>& texts,
                  bool explicit_answer) {
    const std::string plain = plain_answer(text);
    const std::vector<AnswerToken> tokens = answer_tokens(plain);
    const std::vector<Piece> pieces = pieces_of(tokens);
    const OptionTexts options(texts, letters);
    if (const int found = options.whole(pieces); found >= 0) return chosen(found);
    int alone = -1, count = 0;  // the only letter of a text that is nothing else
    for (const AnswerToken& token : tokens) {
        if (token.kind == TokenKind::sign || token.kind == TokenKind::newline) continue;
        ++count;
        alone = token.kind == TokenKind::letter ? (token.text[0] | 32) - 'a' : -1;
    }
    if (count == 1 && alone >= 0 && (letters >> alone & 1)) return chosen(alone);

    const StatementReader reader(tokens, letters, texts, explicit_answer);
    std::vector<Statement> statements, mentions;
    reader.read(statements, mentions);
    const auto decided = [](const Choice& choice) { return choice.letter >= 0 || choice.several; };
    Choice choice = settle(reader, statements, false);
    if (!decided(choice)) choice = read_lines(reader, tokens);
    if (!decided(choice)) choice = settle(reader, statements, true);
    if (!decided(choice)) choice = options.stated(pieces);
    if (!decided(choice)) choice = read_mentions(mentions);
    if (!decided(choice)) {
        if (const int found = options.closing(pieces); found >= 0) choice = chosen(found);
    }
    return choice;
}

// --- where the answer stands -----------------------------------------------------------------------------

struct Stretch {
    size_t begin = 0, end = 0;
};

std::vector<Stretch> answer_blocks(std::string_view text) {
    constexpr std::string_view open = "<answer>", close = "</answer>";
    std::vector<Stretch> found;
    for (size_t at = text.find(open); at != std::string_view::npos; at = text.find(open, at)) {
        const size_t end = text.find(close, at += open.size());
        if (end == std::string_view::npos) break;
        found.push_back({at, end});
        at = end;
    }
    return found;
}

bool turns(std::string_view text) {
    const std::vector<AnswerToken> tokens = answer_tokens(plain_answer(text));
    return StatementReader(tokens, 0, {}, false).turns_between(0, tokens.size(), false);
}

Choice read_marked(std::string_view text, uint32_t letters, const std::vector<Words>& texts,
                   bool explicit_answer) {
    Choice choice = nothing();
    size_t last_end = 0;
    for (const Box& box : find_boxes(text)) {
        const Choice inside = read_plain(box.inside, letters, texts, true);
        if (inside.several) return inside;
        if (inside.letter < 0) continue;
        if (choice.letter >= 0 && choice.letter != inside.letter &&
            !turns(text.substr(last_end, box.begin - last_end)))
            return contradiction();
        choice = inside;
        last_end = box.end;
    }
    return choice.letter >= 0 ? choice : read_plain(text, letters, texts, explicit_answer);
}

// --- golds -----------------------------------------------------------------------------------------------

struct Question {
    uint32_t letters = usual_letters;
    std::vector<Words> texts;
    int answer = 0;
};

int single_letter(const nlohmann::json& value) {
    if (!value.is_string()) return -1;
    const auto& text = value.get_ref<const std::string&>();
    const char c = text.size() == 1 ? static_cast<char>(text[0] | 32) : ' ';
    return c >= 'a' && c <= 'z' ? c - 'a' : -1;
}

void set_options(Question& question, const nlohmann::json& list, bool may_be_letters) {
    check(list.is_array() && !list.empty() && list.size() <= most_options, "mcq: choices needs 1 to ",
          most_options, " texts");
    const bool all_letters = may_be_letters && std::all_of(list.begin(), list.end(), [](const auto& item) {
                                 return single_letter(item) >= 0;
                             });
    question.letters = all_letters ? 0 : list.size() == 26 ? ~0u >> 6 : (1u << list.size()) - 1;
    for (const auto& item : list) {
        check(item.is_string() || item.is_number(), "mcq: a choice is neither text nor a number");
        if (all_letters)
            question.letters |= 1u << single_letter(item);
        else
            question.texts.push_back(words_of(item.is_string() ? item.get<std::string>() : item.dump()));
    }
}

Question question_of(const nlohmann::json& gold) {
    Question question;
    nlohmann::json answer = gold;
    if (gold.is_object()) {
        for (const char* key : {"choices", "options"})
            if (gold.contains(key) && !gold[key].is_null())
                set_options(question, gold[key], std::string_view(key) == "options");
        check(gold.contains("answer"), "mcq: gold has no answer");
        answer = gold["answer"];
    }
    const bool known = gold.is_object() && (gold.contains("choices") || gold.contains("options"));
    if (answer.is_number_integer()) {
        const auto index = answer.get<int64_t>();
        check(index >= 0 && index < static_cast<int64_t>(most_options), "mcq: gold ", index,
              " is not the index of an option, from 0");
        question.answer = static_cast<int>(index);
    } else {
        check(answer.is_string(), "mcq: gold is not a letter, an index or an option's text");
        const auto& text = answer.get_ref<const std::string&>();
        const uint32_t letters = known ? question.letters : ~0u >> 6;
        const int letter = single_letter(answer);
        question.answer = letter >= 0 ? letter : read_marked(text, letters, question.texts, true).letter;
        check(question.answer >= 0, "mcq: gold \"", text.substr(0, 80), "\" names no option");
    }
    if (!known) question.letters |= (2u << question.answer) - 1;
    check(question.letters >> question.answer & 1, "mcq: gold ", static_cast<char>('A' + question.answer),
          " is not among the options");
    return question;
}

Verdict judge(const Question& question, const Choice& choice) {
    if (choice.letter < 0) return {0, Outcome::unparsed, choice.reason};
    const char letter = static_cast<char>('A' + choice.letter);
    if (choice.letter == question.answer) return {1, Outcome::correct, cat("chose ", letter)};
    return {0, Outcome::wrong, cat("chose ", letter)};
}

}  // namespace

Choice read_choice(std::string_view text, uint32_t letters, std::span<const std::string> texts,
                   bool explicit_answer) {
    std::vector<Words> words;
    for (const std::string& option : texts) words.push_back(words_of(option));
    return read_marked(text, letters, words, explicit_answer);
}

void check_choice_gold(const nlohmann::json& gold) {
    question_of(gold);
}

Verdict compare_choice(const nlohmann::json& gold, std::string_view answer) {
    const Question question = question_of(gold);
    const std::vector<Stretch> blocks = answer_blocks(answer);
    if (blocks.empty()) return judge(question, read_marked(answer, question.letters, question.texts, false));
    Choice choice = nothing();
    for (const Stretch& block : blocks) {
        const std::string_view inside = answer.substr(block.begin, block.end - block.begin);
        const Choice read = read_marked(inside, question.letters, question.texts, true);
        if (read.letter < 0) return judge(question, read);
        if (choice.letter >= 0 && choice.letter != read.letter) return judge(question, contradiction());
        choice = read;
    }
    return judge(question, choice);
}

Verdict verify_choice(const nlohmann::json& gold, std::string_view completion) {
    std::string_view rest;
    if (!after_thinking(completion, rest) && rest.find("<answer>") == std::string_view::npos) {
        check_choice_gold(gold);
        return {0, Outcome::unparsed, "the thinking does not end"};
    }
    return compare_choice(gold, rest);
}

}  // namespace r1
