#include "reward/code.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <unordered_set>

#include "core/ascii.h"
#include "core/check.h"
#include "reward/code_problem.h"
#include "reward/verifier.h"

namespace r1 {
namespace {

struct Fence {
    char mark = 0;
    size_t length = 0;
    std::string_view info;
};

Fence fence_of(std::string_view line) {
    const size_t begin = line.find_first_not_of(' ');
    if (begin == std::string_view::npos || begin > 3 || (line[begin] != '`' && line[begin] != '~')) return {};
    const size_t end = std::min(line.find_first_not_of(line[begin], begin), line.size());
    if (end - begin < 3) return {};
    return {line[begin], end - begin, line.substr(end)};
}

std::string first_word(std::string_view text) {
    const size_t begin = text.find_first_not_of(" \t{.");
    if (begin == std::string_view::npos) return "";
    const size_t end = std::min(text.find_first_of(" \t\r}", begin), text.size());
    return ascii_lower(text.substr(begin, end - begin));
}

bool is_name(char c) {
    return is_ascii_letter(c) || (c >= '0' && c <= '9') || c == '_';
}

// The names of the functions and classes that a Python source defines; `all`: those inside others too.
std::vector<std::string_view> definitions(std::string_view source, bool all) {
    std::vector<std::string_view> names;
    while (!source.empty()) {
        const size_t end = std::min(source.find('\n'), source.size());
        std::string_view line = source.substr(0, end);
        source.remove_prefix(std::min(end + 1, source.size()));
        if (all) line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
        if (line.starts_with("async ")) line.remove_prefix(6);
        const size_t word = line.starts_with("def ") ? 4 : line.starts_with("class ") ? 6 : 0;
        if (word == 0) continue;
        line.remove_prefix(std::min(line.find_first_not_of(' ', word), line.size()));
        size_t length = 0;
        while (length < line.size() && is_name(line[length])) ++length;
        if (length > 0) names.push_back(line.substr(0, length));
    }
    return names;
}

std::unordered_set<std::string_view> words_of(std::string_view text) {
    std::unordered_set<std::string_view> words;
    for (size_t at = 0; at < text.size();) {
        size_t end = at;
        while (end < text.size() && is_name(text[end])) ++end;
        if (end > at) words.insert(text.substr(at, end - at));
        at = std::max(end, at + 1);
    }
    return words;
}

bool defines(std::string_view source, const std::string& function) {
    const auto names = definitions(source, false);
    return std::find(names.begin(), names.end(), function) != names.end();
}

bool is_of_language(const std::string& name, const std::string& language) {
    return programming_language(name) == language || (language == "cpp" && name == "c");
}

// A model writes the whole function, or what follows the prompt's signature.
std::string with_prompt(const CodeProblem& problem, std::string_view source) {
    if (problem.prompt.empty()) return std::string(source);
    const bool whole = !problem.entry_point.empty() && defines(source, problem.entry_point);
    return cat(problem.prompt, whole ? "\n\n" : "", source);
}

}  // namespace

std::vector<CodeBlock> code_blocks(std::string_view markdown) {
    std::vector<CodeBlock> blocks;
    CodeBlock block;
    Fence open;
    size_t indent = 0;  // of the fence; a list's items move their blocks to the right
    for (size_t at = 0; at < markdown.size();) {
        const size_t end = std::min(markdown.find('\n', at), markdown.size());
        std::string_view line = markdown.substr(at, end - at);
        at = end + 1;
        if (line.ends_with('\r')) line.remove_suffix(1);
        const Fence fence = fence_of(line);
        if (open.mark == 0) {
            if (fence.mark == 0) continue;
            open = fence;
            indent = line.find_first_not_of(' ');
            block = {first_word(fence.info), ""};
        } else if (fence.mark == open.mark && fence.length >= open.length && first_word(fence.info).empty()) {
            blocks.push_back(std::move(block));
            open = {};
        } else {
            line.remove_prefix(std::min({indent, line.find_first_not_of(' '), line.size()}));
            block.text.append(line).push_back('\n');
        }
    }
    return blocks;
}

bool extract_code(std::string_view completion, const std::string& language, std::string_view tests,
                  CodeBlock& found, std::string& reason, const std::vector<std::string>& further) {
    std::string_view rest;
    if (!after_thinking(completion, rest)) {
        reason = "the thinking does not end";
        return false;
    }
    const std::unordered_set<std::string_view> used = words_of(tests);
    int best = 0;
    for (CodeBlock& block : code_blocks(rest)) {
        const bool other = std::find(further.begin(), further.end(), block.language) != further.end();
        int rank = other || is_of_language(block.language, language) ? 2 : block.language.empty() ? 1 : 0;
        if (rank == 2) {
            const auto names = definitions(block.text, true);
            rank += other || std::any_of(names.begin(), names.end(),
                                         [&](std::string_view name) { return used.contains(name); });
        }
        if (rank == 0 || rank < best) continue;
        best = rank;
        found = std::move(block);
    }
    if (best > 0) return true;
    std::string_view answer;
    if (!answer_block(completion, answer, reason)) {
        reason = cat("no block of ", language, ", and ", reason);
        return false;
    }
    if (answer.starts_with('\n')) answer.remove_prefix(1);
    found = {"", std::string(answer)};
    return true;
}

void check_code_gold(const nlohmann::json& gold) {
    parse_code_problem(gold);
}

Verdict compare_code(const nlohmann::json& gold, std::string_view source) {
    const CodeProblem problem = parse_code_problem(gold);
    if (source.find_first_not_of(" \t\r\n") == std::string_view::npos)
        return {0, Outcome::unparsed, "the source is empty"};
    const CodeRun run = run_code(problem, with_prompt(problem, source), problem.partial);
    const double score = run.outcome == Outcome::correct ? 1 : problem.partial ? run.share() : 0;
    return {score, run.outcome, run.reason};
}

Verdict verify_code(const nlohmann::json& gold, std::string_view completion) {
    CodeBlock block;
    std::string reason;
    const CodeProblem problem = parse_code_problem(gold);
    if (!extract_code(completion, problem.language, problem.names(), block, reason))
        return {0, Outcome::unparsed, reason};
    return compare_code(gold, block.text);
}

}  // namespace r1
