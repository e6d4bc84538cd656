#include "reward/reasoning.h"

#include <string>

#include "core/ascii.h"

namespace r1 {
namespace {

enum Role { none, reflective, negative, positive, negative_and_reflective, giving_up };

struct Entry {
    std::string_view word;
    Role role;
};
// Longer Chinese words first, since they are matched without spaces.
constexpr Entry english[] = {{"wait", reflective},     {"mistake", reflective},
                             {"however", reflective},  {"but", reflective},
                             {"retry", reflective},    {"error", reflective},
                             {"verify", reflective},   {"wrong", negative_and_reflective},
                             {"evaluate", reflective}, {"check", reflective},
                             {"no", negative},         {"too", negative},
                             {"yes", positive},        {"give", giving_up}};
constexpr Entry chinese[] = {{"等等", reflective},
                             {"错误", reflective},
                             {"然而", reflective},
                             {"但是", reflective},
                             {"重试", reflective},
                             {"重新", reflective},
                             {"验证", reflective},
                             {"检查", reflective},
                             {"评估", reflective},
                             {"不过", reflective},
                             {"不对", negative_and_reflective},
                             {"太大", negative},
                             {"太小", negative},
                             {"放弃", giving_up},
                             {"错", negative_and_reflective},
                             {"对", positive}};

}  // namespace

std::string_view thinking_of(std::string_view text) {
    if (const size_t open = text.find("<think>"); open != std::string_view::npos)
        text.remove_prefix(open + 7);
    if (const size_t close = text.rfind("</think>"); close != std::string_view::npos)
        return text.substr(0, close);
    return text.substr(0, text.find("<answer>"));
}

ReasoningCounts count_reasoning(std::string_view completion) {
    const std::string_view text = thinking_of(completion);
    ReasoningCounts counts;
    bool pending = false;  // a "no" that nothing has followed yet
    bool thought = false;
    const auto meet = [&](Role role) {
        counts.reflective_words += role == reflective || role == negative_and_reflective;
        if (role == negative || role == negative_and_reflective) {
            ++counts.checks;
            pending = true;
        } else if (role == positive) {
            ++counts.checks;
            pending = false;
        } else if (role == giving_up) {
            pending = false;
        }
    };
    const auto go_on = [&] {
        counts.backtracks += pending;
        pending = false;
    };
    for (size_t i = 0; i < text.size();) {
        const char c = text[i];
        if (c != ' ' && c != '\n' && c != '\t' && c != '\r') thought = true;
        if (is_ascii_letter(c)) {
            size_t end = i;
            std::string word;
            for (; end < text.size() && is_ascii_letter(text[end]); ++end)
                word += static_cast<char>(text[end] | 32);
            i = end;
            Role role = none;
            for (const Entry& entry : english)
                if (word == entry.word) role = entry.role;
            if (word == "too") {  // "too big", "too small" alone are verdicts
                const std::string_view rest = text.substr(i);
                if (!rest.starts_with(" big") && !rest.starts_with(" small")) role = none;
            }
            if (role == none && word != "big" && word != "small") go_on();
            meet(role);
            continue;
        }
        if (c >= '0' && c <= '9') go_on();
        size_t length = 1;
        if (static_cast<unsigned char>(c) >= 0xC0) {  // the first byte of a character
            bool known = c == '\xE3' || c == '\xEF';  // Chinese punctuation
            for (const Entry& entry : chinese) {
                if (!text.substr(i).starts_with(entry.word)) continue;
                meet(entry.role);
                length = entry.word.size();
                known = true;
                break;
            }
            if (!known) go_on();
        }
        i += length;
    }
    counts.tries = thought ? counts.backtracks + 1 : 0;
    return counts;
}

}  // namespace r1
