#include "reward/code.h"

#include <algorithm>
#include <nlohmann/json.hpp>

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
    std::string word(text.substr(begin, std::min(text.find_first_of(" \t\r}", begin), text.size()) - begin));
    for (char& c : word)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return word;
}

bool defines(std::string_view source, const std::string& function) {
    for (const std::string& start : {"def " + function, "async def " + function, "class " + function}) {
        for (size_t at = source.find(start); at != std::string_view::npos; at = source.find(start, at + 1)) {
            const size_t end = at + start.size();
            const bool whole =
                end < source.size() && (source[end] == '(' || source[end] == ':' || source[end] == ' ');
            if (whole && (at == 0 || source[at - 1] == '\n')) return true;
        }
    }
    return false;
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
    for (size_t at = 0; at < markdown.size();) {
        const size_t end = std::min(markdown.find('\n', at), markdown.size());
        std::string_view line = markdown.substr(at, end - at);
        at = end + 1;
        if (line.ends_with('\r')) line.remove_suffix(1);
        const Fence fence = fence_of(line);
        if (open.mark == 0) {
            if (fence.mark == 0) continue;
            open = fence;
            block = {first_word(fence.info), ""};
        } else if (fence.mark == open.mark && fence.length >= open.length && first_word(fence.info).empty()) {
            blocks.push_back(std::move(block));
            open = {};
        } else {
            block.text.append(line).push_back('\n');
        }
    }
    return blocks;
}

std::vector<std::string> names_of_language(const std::string& language) {
    if (language == "cpp") return {"cpp", "c++", "cc", "cxx", "c++20", "c++17"};
    return {"python", "py", "python3"};
}

bool extract_code(std::string_view completion, const std::vector<std::string>& languages, CodeBlock& found,
                  std::string& reason) {
    std::string_view rest;
    if (!after_thinking(completion, rest)) {
        reason = "the thinking does not end";
        return false;
    }
    const CodeBlock* best = nullptr;
    const std::vector<CodeBlock> blocks = code_blocks(rest);
    for (const CodeBlock& block : blocks)
        if (std::find(languages.begin(), languages.end(), block.language) != languages.end()) best = &block;
    if (!best)
        for (const CodeBlock& block : blocks)
            if (block.language.empty()) best = &block;
    if (best) {
        found = *best;
        return true;
    }
    std::string_view answer;
    if (!answer_block(completion, answer, reason)) {
        reason = cat("no block of ", languages.front(), ", and ", reason);
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
    if (!extract_code(completion, names_of_language(parse_code_problem(gold).language), block, reason))
        return {0, Outcome::unparsed, reason};
    return compare_code(gold, block.text);
}

}  // namespace r1
