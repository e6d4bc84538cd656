#include "reward/format.h"

#include "core/check.h"

namespace r1 {
namespace {

size_t count(std::string_view text, std::string_view piece) {
    size_t found = 0;
    for (size_t at = text.find(piece); at != std::string_view::npos; at = text.find(piece, at + piece.size()))
        ++found;
    return found;
}

bool blank(std::string_view text) {
    return text.find_first_not_of(" \t\r\n") == std::string_view::npos;
}

// White space and characters that cannot be seen.
bool says_nothing(std::string_view text) {
    while (!text.empty()) {
        const size_t before = text.size();
        for (const std::string_view unseen : {" ", "\t", "\r", "\n", "\u00a0", "\u00ad", "\u200b", "\u200c",
                                              "\u200d", "\u200e", "\u200f", "\u2060", "\u3000", "\ufeff"})
            if (text.starts_with(unseen)) text.remove_prefix(unseen.size());
        if (text.size() == before) return false;
    }
    return true;
}

// With `empty` also what has nothing in its tags.
std::string tags_form(std::string_view text, bool empty) {
    for (const std::string_view tag : {"<think>", "</think>", "<answer>", "</answer>"})
        if (count(text, tag) != 1) return cat(tag, " occurs ", count(text, tag), " times");
    const size_t think = text.find("<think>"), thought = text.find("</think>"),
                 answer = text.find("<answer>"), answered = text.find("</answer>");
    if (!blank(text.substr(0, think))) return "text before <think>";
    if (!(think < thought && thought < answer && answer < answered)) return "the tags are out of order";
    if (!empty && says_nothing(text.substr(think + 7, thought - think - 7))) return "the thinking is empty";
    if (!empty && says_nothing(text.substr(answer + 8, answered - answer - 8))) return "the answer is empty";
    if (!blank(text.substr(thought + 8, answer - thought - 8))) return "text between </think> and <answer>";
    if (!blank(text.substr(answered + 9))) return "text after </answer>";
    return "";
}

std::string think_form(std::string_view text) {
    if (!text.starts_with("<think>")) return "does not start with <think>";
    if (count(text, "<think>") != 1) return "more than one <think>";
    if (count(text, "</think>") != 1) return cat("</think> occurs ", count(text, "</think>"), " times");
    return "";
}

std::string open_r1_form(std::string_view text) {
    const std::string reason = tags_form(text, true);
    if (!reason.empty()) return reason;
    const size_t thought = text.find("\n</think>\n<answer>\n");
    if (!text.starts_with("<think>\n") || thought == std::string_view::npos || !text.ends_with("\n</answer>"))
        return "a tag is not on a line of its own";
    return "";
}

}  // namespace

Verdict verify_format(const std::string& scheme, std::string_view completion) {
    if (scheme == "tag-count") {
        double score = 0;
        for (const std::string_view tag : {"<think>\n", "\n</think>\n", "\n<answer>\n", "\n</answer>"})
            score += count(completion, tag) == 1 ? 0.25 : 0;
        return {score, score == 1 ? Outcome::correct : Outcome::wrong, cat(score * 4, " of 4 tags")};
    }
    std::string reason;
    if (scheme == "r1") {
        reason = tags_form(completion, false);
    } else if (scheme == "think") {
        reason = think_form(completion);
    } else if (scheme == "open-r1") {
        reason = open_r1_form(completion);
    } else {
        fail("unknown format scheme \"", scheme, "\"; the known ones are r1, think, open-r1 and tag-count");
    }
    if (reason.empty()) return {1, Outcome::correct, "keeps to the form"};
    return {0, Outcome::wrong, reason};
}

}  // namespace r1
