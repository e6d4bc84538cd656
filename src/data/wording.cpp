#include "data/wording.h"

#include "core/check.h"
#include "text/unicode.h"

namespace r1::wording {
namespace {

struct Name {
    const char* fence;
    const char* english;
    const char* chinese;
};

const Name& name_of(const std::string& language) {
    static constexpr Name python{"python", "Python 3", "Python 3"}, cpp{"cpp", "C++20", "C++20"};
    check(language == "python" || language == "cpp", "the language \"", language,
          "\" is not one that can be run: python or cpp");
    return language == "python" ? python : cpp;
}

std::string in_one_block(const Name& name, bool chinese) {
    return chinese ? cat("请把完整的程序写在一个以 ```", name.fence, " 开头的代码块里。")
                   : cat("Give the whole program in one block that begins with ```", name.fence, ".");
}

}  // namespace

bool is_chinese(std::string_view question) {
    if (!is_valid_utf8(question)) return false;
    size_t han = 0, latin_words = 0;
    bool in_word = false;
    for (size_t at = 0; at < question.size();) {
        const char32_t c = next_code_point(question, at);
        const bool latin = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        han += c >= 0x4E00 && c <= 0x9FFF;
        latin_words += latin && !in_word;
        in_word = latin;
    }
    return han > latin_words;
}

std::string fence(const std::string& language, const std::string& source) {
    return cat("```", name_of(language).fence, "\n", source, source.ends_with('\n') ? "" : "\n", "```");
}

std::string stdin_program(const std::string& language, bool chinese) {
    const Name& name = name_of(language);
    return (chinese ? cat("请写一个 ", name.chinese, " 程序，从标准输入读取数据，把答案写到标准输出。")
                    : cat("Write a ", name.english,
                          " program that reads from standard input and writes to standard output. ")) +
           in_one_block(name, chinese);
}

std::string function(const std::string& language, const std::string& function_name, bool chinese) {
    const Name& name = name_of(language);
    return (chinese ? cat("请用 ", name.chinese, " 写出函数 `", function_name, "`。")
                    : cat("Write the function `", function_name, "` in ", name.english, ". ")) +
           in_one_block(name, chinese);
}

std::string program(const std::string& language, bool chinese) {
    return in_one_block(name_of(language), chinese);
}

std::string completion_question(const std::string& language, const std::string& prefix, bool chinese) {
    return (chinese ? "补全这段程序：\n\n" : "Complete this program:\n\n") + fence(language, prefix);
}

std::string tests_question(const std::string& text, const std::string& language,
                           const std::vector<std::string>& tests, bool chinese) {
    std::string source;
    for (const auto& test : tests) source += test + "\n";
    return text + (chinese ? "\n\n它要通过这些测试：\n\n" : "\n\nIt has to pass these tests:\n\n") +
           fence(language, source);
}

std::string bug_question(const std::string& text, const std::string& language, const std::string& source,
                         bool chinese) {
    const std::string intro = chinese ? "这个程序有一个错误：\n\n" : "This program has a bug:\n\n";
    return (text.empty() ? "" : text + "\n\n") + intro + fence(language, source);
}

std::string bug_fix(const std::string& language, bool chinese) {
    const Name& name = name_of(language);
    return (chinese ? "请改正它。" : "Correct it. ") + in_one_block(name, chinese);
}

std::string choice_question(const std::string& question, const std::vector<std::string>& choices) {
    std::string text = question + "\n";
    for (size_t i = 0; i < choices.size(); ++i)
        text += cat("\n", static_cast<char>('A' + i), ". ", choices[i]);
    return text;
}

std::string choice(bool chinese) {
    return chinese ? "只有一个选项正确。最后一行写“答案：”和它的字母。"
                   : "One option is right. End with a line that has \"Answer:\" and its letter.";
}

std::string final_answer(bool chinese) {
    return chinese ? "把最终答案写在 \\boxed{} 里。" : "Put the final answer in \\boxed{}.";
}

std::string countdown_question(const std::string& numbers, const std::string& target) {
    return cat(
        "Use the numbers ", numbers, " and the operations + - * / with brackets to make ", target,
        ". Use each number exactly once. Think first, inside <think> </think>; then give one expression "
        "inside <answer> </answer>, for example <answer> (1 + 2) * 3 </answer>.");
}

}  // namespace r1::wording
