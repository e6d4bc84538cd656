#include "reward/choice_statements.h"

#include <string_view>

#include "reward/choice_words.h"

namespace r1 {
namespace {

using choice_words::has;
using choice_words::Words;

constexpr std::string_view opening = "([<\"'“‘「『【《";
constexpr std::string_view closing = ")]>\"'”’」』】》";
constexpr int sight = 40;  // tokens that are looked at around a letter

bool ends_with(std::string_view text, Words words) {
    return std::any_of(words.begin(), words.end(), [&](auto w) { return text.ends_with(w); });
}
bool starts_with(std::string_view text, Words words) {
    return std::any_of(words.begin(), words.end(), [&](auto w) { return text.starts_with(w); });
}
bool contains(std::string_view text, Words words) {
    return std::any_of(words.begin(), words.end(),
                       [&](auto w) { return text.find(w) != std::string_view::npos; });
}
// Removes the longest of the words from the end (or the beginning).
bool strip_end(std::string_view& text, Words words) {
    size_t most = 0;
    for (const auto w : words)
        if (text.ends_with(w)) most = std::max(most, w.size());
    text.remove_suffix(most);
    return most > 0;
}
bool strip_start(std::string_view& text, Words words) {
    size_t most = 0;
    for (const auto w : words)
        if (text.starts_with(w)) most = std::max(most, w.size());
    text.remove_prefix(most);
    return most > 0;
}

constexpr std::string_view option_runs[] = {"选项", "字母"};
constexpr std::string_view either_runs[] = {"或",   "或者", "和", "与",   "及",
                                            "以及", "还是", "、", "或是", "跟"};

}  // namespace

bool StatementReader::is_sign(size_t at, std::string_view signs) const {
    return at < tokens_.size() && tokens_[at].kind == TokenKind::sign &&
           signs.find(tokens_[at].text) != std::string_view::npos;
}

std::string_view StatementReader::word(size_t at) const {
    if (at >= tokens_.size()) return "";
    const AnswerToken& token = tokens_[at];
    if (token.kind == TokenKind::word) return token.text;
    if (token.kind == TokenKind::letter && token.text == "a") return "a";
    if (token.kind == TokenKind::letter && token.text == "I") return "i";
    return "";
}

int StatementReader::option_at(size_t at) const {
    if (at >= tokens_.size() || tokens_[at].kind != TokenKind::letter) return -1;
    const int letter = (tokens_[at].text[0] | 32) - 'a';
    if (!(letters_ >> letter & 1)) return -1;
    return tokens_[at].upper || bracketed(at) ? letter : -1;
}

bool StatementReader::bracketed(size_t at) const {
    return at > 0 && is_sign(at - 1, opening) && is_sign(at + 1, closing);
}

size_t StatementReader::before(size_t at) const {
    while (at > 0 && is_sign(at - 1, opening)) --at;
    return at;
}

size_t StatementReader::behind(size_t at) const {
    ++at;
    while (is_sign(at, closing)) ++at;
    return at;
}

StatementReader::Cue StatementReader::script_cue(std::string_view run, bool colon) const {
    using namespace choice_words;
    bool copula = false, choose = false, option = false;
    for (bool more = true; more;) {
        more = true;
        if (strip_end(run, option_runs)) {
            option = true;
        } else if (strip_end(run, script_choosing)) {
            choose = true;
        } else if (strip_end(run, script_copulas)) {
            copula = true;
        } else {
            more = strip_end(run, script_fillers);
        }
    }
    if (ends_with(run, script_denials)) return {Strength::none, true, option};
    if (ends_with(run, script_hypothetical)) return {Strength::none, false, false};
    if (ends_with(run, script_final)) return {Strength::final, false, option};
    if (ends_with(run, script_answer))
        return {colon && !copula && !choose ? Strength::colon : Strength::is, false, option};
    if (option && ends_with(run, script_right)) return {Strength::is, false, true};
    if (choose) return {Strength::chosen, false, option};
    if ((copula && run.empty()) || ends_with(run, script_weak)) return {Strength::weak, false, option};
    return {Strength::none, false, option};
}

StatementReader::Cue StatementReader::cue_before(size_t at) const {
    using namespace choice_words;
    bool copula = false, colon = false, option = false, weak_word = false;
    int lines = 0, commas = 0, steps = 0;
    const auto result = [&](Strength strength) { return Cue{strength, false, option}; };
    size_t k = before(at);
    for (; k > 0 && steps < 14; --k, ++steps) {
        const AnswerToken& token = tokens_[k - 1];
        if (token.kind == TokenKind::newline) {
            if (++lines > 1) break;
            continue;
        }
        if (token.kind == TokenKind::sign) {
            if (is_sign(k - 1, ",，") && ++commas <= 2) continue;
            if (!is_sign(k - 1, ":=>-–—→⇒#】]")) break;
            colon = true;
            continue;
        }
        if (token.kind == TokenKind::script) {
            std::string_view run = token.text;
            // 不是A，而是B: what is before the first letter says it of the second
            if (run.ends_with("而是")) {
                size_t j = k - 1;
                while (j > 0 && tokens_[j - 1].kind == TokenKind::sign) --j;
                const size_t first = j > 0 && option_at(j - 1) >= 0 ? before(j - 1) : 0;
                static constexpr std::string_view denied_copula[] = {"并不是", "不是", "并非"};
                if (first > 0 && tokens_[first - 1].kind == TokenKind::script) {
                    run = tokens_[first - 1].text;
                    if (strip_end(run, denied_copula)) {
                        const Cue cue = script_cue(run, true);
                        return cue.strength == Strength::none ? result(Strength::weak) : cue;
                    }
                }
            }
            if (steps == 0 || colon) {
                const Cue cue = script_cue(run, colon);
                return lines > 0 && cue.strength > Strength::is ? Cue{} : cue;
            }
            break;
        }
        if (token.kind == TokenKind::number && copula) continue;  // "the answer to question 3 is C"
        const std::string_view w = word(k - 1);
        if (w.empty()) break;
        if (w == "but") {  // "is not A but B"
            size_t j = k - 1;
            while (j > 0 && (is_sign(j - 1, closing) || is_sign(j - 1, ","))) --j;
            if (j == 0 || option_at(j - 1) < 0) break;
            const size_t first = before(j - 1);
            if (first == 0 || !has(denials, word(first - 1))) break;
            k = first;
            const std::string_view denial = word(first - 1);
            copula = copula || denial.ends_with("n't");
            continue;
        }
        if (has(denials, w)) return {Strength::none, true, option};
        if (has(answer, w)) {
            if (k > 1 && has(denying_adjectives, word(k - 2))) return {Strength::none, true, option};
            if (k > 1 && word(k - 2) == "final") return result(Strength::final);
            return result(colon && !copula ? Strength::colon : Strength::is);
        }
        if (has(choice_words::option, w)) {
            const std::string_view adjective = k > 1 ? word(k - 2) : "";
            const bool starts =
                k == 1 || tokens_[k - 2].kind == TokenKind::newline || tokens_[k - 2].kind == TokenKind::sign;
            if ((copula || colon) && has(denying_adjectives, adjective)) return {Strength::none, true, false};
            if ((copula || colon) && has(adjectives, adjective))
                return result(adjective == "final" ? Strength::final
                              : colon && !copula   ? Strength::colon
                                                   : Strength::is);
            if (colon && !copula && starts) return result(Strength::colon);
            if (steps == 0) option = true;
        }
        if (colon && !copula && (w == "correct" || w == "right") &&
            (k == 1 || tokens_[k - 2].kind != TokenKind::word))
            return result(Strength::colon);
        if (lines > 0 && !copula && !has(copulas, w)) break;
        if (has(choosing, w) || ((w == "with" || w == "for") && k > 1 && has(going, word(k - 2)))) {
            for (size_t j = k - 1; j > 0 && j + 5 > k; --j)
                if (has(denials, word(j - 1))) return {Strength::none, true, option};
            return result(Strength::chosen);
        }
        if (has(copulas, w)) {
            copula = true;
        } else if (has(weak, w) || (copula && has(weak_subjects, w)) || w == "think" || w == "believe") {
            weak_word = true;
            if (!has(fillers, w)) break;
        } else if (!has(fillers, w)) {
            break;
        }
    }
    return result(weak_word && lines == 0 ? Strength::weak : Strength::none);
}

bool StatementReader::has_text_of(int letter, size_t begin) const {
    if (static_cast<size_t>(letter) >= texts_.size()) return false;
    const auto& text = texts_[static_cast<size_t>(letter)];
    for (size_t i = 0; i < text.size() && i < 3; ++i)
        if (begin + i >= tokens_.size() || tokens_[begin + i].text != text[i]) return false;
    return !text.empty();
}

StatementReader::Tail StatementReader::tail_after(size_t at, bool leading) const {
    using namespace choice_words;
    size_t j = behind(at);
    const bool wrapped = j > at + 1;
    if (j >= tokens_.size()) return {true, false, false};
    const AnswerToken& token = tokens_[j];
    if (token.kind == TokenKind::newline) return {true, false, false};
    if (token.kind == TokenKind::script) {
        std::string_view run = token.text;
        if (run == "不是" && option_at(before(j + 1)) >= 0) return {true, false, false};  // "B不是 A"
        while (strip_start(run, script_after)) {
        }
        if (starts_with(run, script_denied) || (run.starts_with("不是") && run.size() > 6))
            return {false, true, false};
        if (starts_with(run, script_chosen)) return {true, false, true};
        if (run.starts_with("答案") && token.text.starts_with("是")) return {true, false, true};
        return {true, false, false};
    }
    if (token.kind == TokenKind::sign) {
        if (is_sign(j, "%°²³'")) return {false, false, false};
        if (is_sign(j, "✗✘❌×")) return {false, true, false};
        if (is_sign(j, ".:,-–—") && (has(denied, word(j + 1)) || word(j + 1) == "no"))
            return {false, true, false};
        return {true, false, false};
    }
    const int letter = option_at(at);
    if (has_text_of(letter, j)) return {true, false, false};
    const std::string_view w = word(j);
    if (has(is_words, w) || w == "was") {
        for (size_t i = j + 1; i < j + 7 && i < tokens_.size(); ++i) {
            const std::string_view next = word(i);
            if (has(denied, next) || has(denials, next)) return {false, true, false};
            if (has(chosen, next)) return {true, false, true};
            if (!has(adverbs, next)) break;
        }
        return {!leading || wrapped, false, false};
    }
    if (w.ends_with("n't") || w == "cannot") return {false, true, false};
    if (wrapped) return {true, false, false};
    if (has(leading ? Words(leading_connectors) : Words(connectors), w)) return {true, false, false};
    const bool article = letter == 0 || letter == 8;  // "A Tale of Two Cities", "I Robot"
    const bool name = token.kind == TokenKind::number || (token.kind == TokenKind::word && token.upper);
    if (explicit_) return {name || !article, false, false};
    return {name && !article && !leading, false, false};
}

// May "C is correct" begin here? Not in "plan C is correct".
bool StatementReader::opened(size_t at) const {
    const size_t first = before(at);
    if (first == 0) return true;
    const AnswerToken& token = tokens_[first - 1];
    if (token.kind == TokenKind::script)
        return !ends_with(token.text, choice_words::script_hypothetical) &&
               !ends_with(token.text, choice_words::script_denials);
    if (token.kind == TokenKind::sign || token.kind == TokenKind::newline) return true;
    return choice_words::has(choice_words::openers, word(first - 1));
}

bool StatementReader::listed_before(size_t at) const {
    const size_t first = before(at);
    if (first < 2) return false;
    const AnswerToken& token = tokens_[first - 1];
    const bool joins = token.kind == TokenKind::script
                           ? choice_words::has(either_runs, token.text)
                           : choice_words::has(choice_words::conjunctions, token.text);
    if (!joins) return false;
    size_t j = first - 1;
    while (j > 0 && is_sign(j - 1, closing)) --j;
    const int other = j > 0 ? option_at(j - 1) : -1;
    return other >= 0 && other != option_at(at);
}

// "C or D", "(A) Paris and (B) London", "A、C": in the same sentence, and nothing denies the second one.
bool StatementReader::listed_after(size_t at) const {
    using namespace choice_words;
    const int letter = option_at(at);
    bool joined = false;
    for (size_t j = behind(at), steps = 0; j < tokens_.size() && steps < sight; ++j, ++steps) {
        const AnswerToken& token = tokens_[j];
        if (token.kind == TokenKind::newline) return false;
        if (is_sign(j, ".!?。;；")) {
            if (steps > 0) return false;  // the point of a label, "A. Paris or B. London"
            continue;
        }
        const int other = option_at(j);
        if (other >= 0 && other != letter && (joined || (bracketed(j) && steps < 2))) {
            const size_t next = behind(j);
            const Tail tail = tail_after(j, false);
            if (tail.denied || tail.chosen) return false;
            if (has(is_words, word(next)) || word(next) == "are") return false;
            // "B, C and D are wrong"
            bool denied_later = false;
            for (size_t i = next; i < next + 10 && i < tokens_.size(); ++i) {
                if (is_sign(i, ".!?。;") || tokens_[i].kind == TokenKind::newline) break;
                denied_later =
                    denied_later || has(denied, word(i)) || has(denials, word(i)) ||
                    (tokens_[i].kind == TokenKind::script && contains(tokens_[i].text, script_break));
            }
            return !denied_later;
        }
        if (other == letter || is_sign(j, opening) || is_sign(j, closing)) continue;
        if (token.kind == TokenKind::script) {
            if (contains(token.text, script_break)) return false;
            joined = ends_with(token.text, either_runs);
            continue;
        }
        const std::string_view w = word(j);
        if (has(denials, w) || w == "because" || w == "since" || w == "but" || w == "while" || w == "if" ||
            w == "it" || w == "as")
            return false;
        if (has(conjunctions, token.text) || is_sign(j, ",，")) {
            joined = true;
        } else if (w != "option" && w != "choice" && w != "either" && w != "both") {
            joined = false;
        }
    }
    return false;
}

bool StatementReader::asked(size_t at) const {
    for (size_t j = behind(at), steps = 0; j < tokens_.size() && steps < sight; ++j, ++steps) {
        if (is_sign(j, "?？")) return true;
        if (is_sign(j, ".!。") || tokens_[j].kind == TokenKind::newline) return false;
    }
    return false;
}

bool StatementReader::supposed(size_t at) const {
    for (size_t k = at, steps = 0; k > 0 && steps < sight; --k, ++steps) {
        if (is_sign(k - 1, ".!?。；;:,") || tokens_[k - 1].kind == TokenKind::newline) return false;
        if (choice_words::has(choice_words::hypothetical, word(k - 1))) return true;
    }
    return false;
}

bool StatementReader::turns_between(size_t begin, size_t end, bool corrections_only) const {
    using namespace choice_words;
    for (size_t i = begin; i < end; ++i) {
        const AnswerToken& token = tokens_[i];
        if (token.kind == TokenKind::script && contains(token.text, script_turns)) return true;
        if (has(corrections_only ? Words(corrections) : Words(turns), word(i))) return true;
    }
    return false;
}

void StatementReader::read(std::vector<Statement>& statements, std::vector<Statement>& mentions) const {
    for (size_t i = 0; i < tokens_.size(); ++i) {
        const int letter = option_at(i);
        if (letter < 0) continue;
        const Cue cue = cue_before(i);
        const Tail tail = tail_after(i, false);
        if (cue.denied || tail.denied || (!tail.clean && !tail.chosen)) continue;
        Strength strength = cue.strength;
        if (tail.chosen && strength >= Strength::weak && opened(i)) strength = Strength::chosen;
        if (strength >= Strength::is && asked(i)) continue;
        if (strength >= Strength::chosen && supposed(i)) continue;
        const bool several = listed_after(i) || (tail.chosen && listed_before(i));
        if (strength < Strength::none) {
            statements.push_back({strength, i, letter, several});
        } else if (bracketed(i) || cue.names_option) {
            mentions.push_back({strength, i, letter, several});
        }
    }
}

StatementReader::Line StatementReader::read_line(size_t begin, Statement& statement) const {
    using namespace choice_words;
    size_t i = begin;
    bool concluded = false;
    for (; i < tokens_.size(); ++i) {
        static constexpr std::string_view conclusions[] = {"so", "therefore", "thus", "hence", "then"};
        const bool concludes = has(conclusions, word(i)) ||
                               (tokens_[i].kind == TokenKind::script && has(script_weak, tokens_[i].text));
        concluded = concluded || concludes;
        if (!concludes && !is_sign(i, opening) && !is_sign(i, "#->→⇒∴=:•,–")) break;
    }
    if (i >= tokens_.size() || tokens_[i].kind != TokenKind::letter) return Line::none;
    const int letter = (tokens_[i].text[0] | 32) - 'a';
    const bool labelled = is_sign(behind(i), ".:、") || behind(i) > i + 1;
    if (!(letters_ >> letter & 1) || (!tokens_[i].upper && !labelled)) return Line::none;
    statement = {Strength::none, i, letter, listed_after(i)};
    size_t end = behind(i);
    while (end < tokens_.size() && tokens_[end].kind == TokenKind::sign) ++end;
    if (end >= tokens_.size() || tokens_[end].kind == TokenKind::newline) return Line::alone;
    if (!tokens_[i].upper && !bracketed(i)) return Line::none;
    const Tail tail = tail_after(i, true);
    if (tail.denied || !tail.clean || concluded) return Line::none;
    return Line::labelled;
}

}  // namespace r1
