#include "reward/choice.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "core/check.h"
#include "core/files.h"
#include "reward/verifier.h"

namespace r1 {
namespace {

using nlohmann::json;

// The letter that is read of four options without texts; '-' where there is none.
std::string read(std::string_view text, const std::vector<std::string>& texts = {}) {
    const Choice choice = read_choice(text, 0xF, texts, false);
    if (choice.several) return "several";
    return choice.letter < 0 ? "-" : std::string(1, static_cast<char>('A' + choice.letter));
}

struct Case {
    const char* text;
    const char* letter;
};

TEST(Choice, LettersInEveryForm) {
    const Case cases[] = {
        {"C", "C"},
        {"c", "C"},
        {"(c)", "C"},
        {"(C)", "C"},
        {"[C]", "C"},
        {"C.", "C"},
        {"C)", "C"},
        {"**C**", "C"},
        {"**(C)**", "C"},
        {"`C`", "C"},
        {"__C__", "C"},
        {"\"C\"", "C"},
        {"$C$", "C"},
        {"\\(C\\)", "C"},
        {"<b>C</b>", "C"},
        {"Ｃ", "C"},
        {"（Ｃ）", "C"},
        {"Ⓒ", "C"},
        {"𝐂", "C"},
        {"【C】", "C"},
        {"「C」", "C"},
        {"Answer: C", "C"},
        {"ANSWER: C", "C"},
        {"**Answer:** C", "C"},
        {"**Answer: C**", "C"},
        {"Answer: (C)", "C"},
        {"Answer:\n\nC", "C"},
        {"### Answer\nC", "C"},
        {"### Final Answer\n\n**C**", "C"},
        {"Final answer: C", "C"},
        {"Final Answer: The final answer is $\\boxed{C}$. I hope it is correct.", "C"},
        {"Answer - C", "C"},
        {"Answer => C", "C"},
        {"Answer C", "C"},
        {"#### C", "C"},
        {"Correct answer: C", "C"},
        {"Correct option: C", "C"},
        {"Choice: C", "C"},
        {"The answer is C", "C"},
        {"The answer is C.", "C"},
        {"The answer is (C).", "C"},
        {"The answer is: C", "C"},
        {"The answer is option C", "C"},
        {"The answer is \"C\".", "C"},
        {"The answer is **C. Paris**", "C"},
        {"The answer is C) Paris", "C"},
        {"The answer is C, since 4 > 3.", "C"},
        {"The answer is C because A is too small", "C"},
        {"The answer is definitely C", "C"},
        {"The answer is most likely C.", "C"},
        {"The answer is, I think, C.", "C"},
        {"The answer should be C.", "C"},
        {"The answer must be (C)", "C"},
        {"The answer would be C.", "C"},
        {"The answer to the question is C.", "C"},
        {"The answer to question 3 is C", "C"},
        {"So the best answer here is C.", "C"},
        {"The correct option is C", "C"},
        {"The correct choice is (C).", "C"},
        {"The right answer is letter C.", "C"},
        {"The correct letter is C", "C"},
        {"My choice is C.", "C"},
        {"The answer's C.", "C"},
        {"I choose C.", "C"},
        {"I'd go with C.", "C"},
        {"I would select option (C)", "C"},
        {"I pick C over A", "C"},
        {"Between B and C, I choose C.", "C"},
        {"C is correct.", "C"},
        {"C is the correct answer.", "C"},
        {"Option C is correct.", "C"},
        {"(C) is right", "C"},
        {"Therefore, option C is the best answer.", "C"},
        {"only C is true", "C"},
        {"I think it's C", "C"},
        {"It must be C.", "C"},
        {"Therefore, C.", "C"},
        {"So C.", "C"},
        {"The sum is 12, which matches option C.", "C"},
        {"Looking at the map, we find (C).", "C"},
        {"C. Paris", "C"},
        {"C: Paris", "C"},
        {"(C) Paris", "C"},
        {"C - because it is the capital", "C"},
        {"C, it can't be A or B", "C"},
        {"C because the others are wrong", "C"},
        {"C\n\nParis is the capital.", "C"},
        {"Paris is the capital.\n\nC", "C"},
        {"Paris is the capital.\n\n(C) Paris", "C"},
        {"Paris is the capital.\n**C. Paris**", "C"},
        {"\\boxed{C}", "C"},
        {"\\boxed{\\text{C}}", "C"},
        {"\\boxed{\\text{(C)}}", "C"},
        {"$\\boxed{\\textbf{(C) } 42}$", "C"},
        {"\\boxed{\\mathrm{C}}", "C"},
        {"\\boxed{c}", "C"},
        {"\\boxed{C. Paris}", "C"},
        {"\\boxed{Option C}", "C"},
        {"\\fbox{C}", "C"},
        {"So \\boxed{A}, no, \\boxed{C}", "C"},
        {"The area is \\boxed{9\\pi}, so the answer is C.", "C"},
        {"réponse est C non A", "C"},
        {"La réponse est C.", "C"},
        {"Die richtige Antwort ist C.", "C"},
        {"La respuesta correcta es C", "C"},
        {"Respuesta: C", "C"},
        {"答案是C", "C"},
        {"答案是 C。", "C"},
        {"答案为C", "C"},
        {"答案：C", "C"},
        {"答案: (C)", "C"},
        {"答案选C", "C"},
        {"答案应该是C。", "C"},
        {"【答案】C", "C"},
        {"正确答案是：C", "C"},
        {"最终答案：**C**", "C"},
        {"所以这道题的正确答案是C。", "C"},
        {"本题选C", "C"},
        {"故选C。", "C"},
        {"故选：C．", "C"},
        {"应选（C）", "C"},
        {"选择C", "C"},
        {"我选C", "C"},
        {"正确选项是C", "C"},
        {"正确的选项为C", "C"},
        {"选项C正确", "C"},
        {"C选项正确", "C"},
        {"C项符合题意", "C"},
        {"所以C是正确的", "C"},
        {"因此C正确，A错误", "C"},
        {"C。不是 A", "C"},
        {"C不是 A", "C"},
        {"C。因为巴黎是首都", "C"},
        {"不是A而是C", "C"},
        {"答案不是A，而是C。", "C"},
        {"A错误，B错误，D错误，故选C。", "C"},
        {"答えはCです", "C"},
        {"정답은 C입니다", "C"},
    };
    for (const Case& c : cases) EXPECT_EQ(read(c.text), c.letter) << c.text;
}

TEST(Choice, StrayLettersDoNotCount) {
    const char* cases[] = {
        "",
        "?",
        "A good idea",
        "A cat sat on the mat.",
        "The answer is a good one.",
        "The answer is A good idea",
        "Answer: A good way is to add them.",
        "I",
        "I think so",
        "I do not know.",
        "Plan B",
        "Plan B is correct",
        "Vitamin C is good for you.",
        "The answer is vitamin C",
        "Hepatitis B",
        "Let A be the set of all numbers.",
        "A = 3, B = 4",
        "A + B",
        "P(A) = 0.5",
        "f(A)",
        "The U.S.A. won.",
        "D.C. is the capital",
        "C++ is a language",
        "C# is a language",
        "It is 25 °C",
        "B2B",
        "x_A",
        "No valid answer here",
        "ABCD",
        "AB",
        "\\boxed{AB}",
        "\\boxed{7}",
        "\\boxed{}",
        "The answer is E",
        "Z",
        "Answer: c",
        "so the answer is c.",
        "The answer is not C.",
        "The answer isn't C.",
        "It is not C",
        "Not C.",
        "C is wrong.",
        "C is not correct",
        "C: incorrect",
        "Option C is incorrect.",
        "It can't be C",
        "We can rule out C.",
        "Is C correct?",
        "Is the answer C?",
        "If C is correct, we are lost.",
        "The wrong answer is C.",
        "Neither A nor B",
        "答案不是C",
        "不选C",
        "排除C",
        "C错误",
        "C不正确",
        "C选项不对",
        "如果选C",
        "none of the above",
    };
    for (const char* c : cases) EXPECT_EQ(read(c), "-") << c;
}

TEST(Choice, ContradictionsAreNoAnswer) {
    const char* cases[] = {
        "A or B",
        "A, B",
        "A/B",
        "A and C",
        "A、C",
        "(A)(C)",
        "A\nB",
        "The answer is A or B.",
        "The answer is A and C",
        "The answer is (A) Paris or (B) London.",
        "Answer: A, B",
        "Answer: A/C",
        "\\boxed{A, C}",
        "\\boxed{A} \\boxed{C}",
        "The answer is A. The answer is B.",
        "Answer: A\nAnswer: B\nAnswer: C",
        "A is correct and B is correct.",
        "答案是A或B",
        "答案是A、C",
        "选A还是B",
        "选A。选B。",
        "Maybe option A, maybe option B.",
    };
    for (const char* c : cases) EXPECT_EQ(read(c), "several") << c;
}

TEST(Choice, TheLastWordWinsWhereOneSaysSo) {
    const Case cases[] = {
        {"The answer is A. Wait, the answer is B.", "B"},
        {"Answer: A. Actually, the answer is B.", "B"},
        {"Some say the answer is A, but the answer is B.", "B"},
        {"For x = 0 the answer is A. Here x = 1, so the answer is B.", "B"},
        {"The answer is C.\n\nAnswer: A", "A"},
        {"Final answer: B\n\nNote that option A is correct only for x > 0.", "B"},
        {"The answer is not A but B.", "B"},
        {"It's not A because it doesn't make sense, therefore I think it's B", "B"},
        {"A) wrong\nB) wrong\nC) right, since it is 4\n\nAnswer: C", "C"},
        {"A. London\nB. Paris\nC. Berlin\nD. Madrid\n\nThe capital is Paris, so B.", "B"},
        {"A. London\nB. Paris\nC. Berlin\nD. Madrid\n\n**B**", "B"},
        {"A. London\nB. Paris\nC. Berlin\nD. Madrid", "-"},
        {"A is too small. B is wrong. D is not even. So the answer is C.", "C"},
        {"The answer is D, A, B and C are wrong.", "D"},
        {"The answer is B. A and C are wrong.", "B"},
        {"B. A is too small.", "B"},
    };
    for (const Case& c : cases) EXPECT_EQ(read(c.text), c.letter) << c.text;
}

TEST(Choice, TextsOfOptions) {
    const std::vector<std::string> cities = {"London", "Paris", "New York", "New York City"};
    const Case cases[] = {
        {"Paris", "B"},
        {"paris.", "B"},
        {"**Paris**", "B"},
        {"The answer is Paris.", "B"},
        {"Answer: Paris, since it is the capital", "B"},
        {"The answer is New York City", "D"},
        {"The answer is New York.", "C"},
        {"\\boxed{\\text{Paris}}", "B"},
        {"The capital of France is Paris.", "B"},
        {"London is the capital of England. The capital of France is Paris.", "B"},
        {"The capital of France is not Paris.", "-"},
        {"It is larger than Paris and London.", "-"},
        {"The answer is Parisian", "-"},
        {"The answer is B Paris", "B"},
        {"Answer: B, Paris", "B"},
        {"答案是 Paris", "B"},
    };
    for (const Case& c : cases) EXPECT_EQ(read(c.text, cities), c.letter) << c.text;
    EXPECT_EQ(read("The answer is 3.5", {"3", "3.5", "35", "5"}), "B");
    EXPECT_EQ(read("\\boxed{-3}", {"3", "-3", "6", "9"}), "B");
    EXPECT_EQ(read("A dog", {"A cat", "A dog", "A bird", "A fish"}), "B");
    EXPECT_EQ(read("The answer is A Midsummer Night's Dream", {"Hamlet", "A Midsummer Night's Dream"}), "B");
    EXPECT_EQ(read("B", {"B", "C", "D", "A"}), "B");  // a letter is a letter
    EXPECT_EQ(read("答案是巴黎。", {"伦敦", "巴黎", "柏林", "马德里"}), "B");
    EXPECT_EQ(read("same", {"same", "same"}), "-");
}

TEST(Choice, GoldsAndCompletions) {
    const auto outcome = [](const json& gold, const std::string& text) {
        return verify("mcq", gold, text).outcome;
    };
    EXPECT_EQ(outcome("B", "<think>A? No, it is C.</think><answer>B</answer>"), Outcome::correct);
    EXPECT_EQ(outcome("B", "<think>B</think><answer>C</answer>"), Outcome::wrong);
    EXPECT_EQ(outcome("B", "<think>B</think>"), Outcome::unparsed);
    EXPECT_EQ(outcome("B", "<think>The answer is B"), Outcome::unparsed);
    EXPECT_EQ(outcome("B", "<think>…</think>The answer is B."), Outcome::correct);
    EXPECT_EQ(outcome("B", "<answer>B</answer><answer>C</answer>"), Outcome::unparsed);
    EXPECT_EQ(outcome("B", "<answer></answer> B"), Outcome::unparsed);
    EXPECT_EQ(outcome("B", "<answer>Plan B</answer>"), Outcome::unparsed);
    EXPECT_EQ(outcome("B", "<answer>b</answer>"), Outcome::correct);
    EXPECT_EQ(outcome("B", "<answer>The answer is \\boxed{B}</answer>"), Outcome::correct);
    EXPECT_EQ(outcome("B", "<answer>B Paris</answer>"), Outcome::correct);
    EXPECT_EQ(outcome("A", "<answer>A Peter</answer>"), Outcome::correct);
    EXPECT_EQ(outcome("A", "<answer>A good idea</answer>"), Outcome::unparsed);
    EXPECT_EQ(outcome("A", "<answer>A, B, C and D</answer>"), Outcome::unparsed);
    EXPECT_EQ(outcome("(D) Alina", "D"), Outcome::correct);
    EXPECT_EQ(outcome("Alina and the answer is\nC Cecile", "C"), Outcome::correct);
    EXPECT_EQ(outcome(1, "B"), Outcome::correct);
    EXPECT_EQ(outcome("J", "The answer is J"), Outcome::correct);
    const json cities = {{"answer", 1}, {"choices", {"London", "Paris"}}};
    EXPECT_EQ(outcome(cities, "Paris"), Outcome::correct);
    EXPECT_EQ(outcome(cities, "London"), Outcome::wrong);
    EXPECT_EQ(outcome(cities, "C"), Outcome::unparsed);
    EXPECT_EQ(outcome({{"answer", "Paris"}, {"choices", {"London", "Paris"}}}, "B"), Outcome::correct);
    EXPECT_EQ(outcome({{"answer", "U"}, {"options", {"U"}}}, "The answer is U."), Outcome::correct);
    for (const json& bad :
         {json(), json(-1), json("Paris"), json("AB"), json(1.5), json::array(), json{{"choices", {"a"}}},
          json{{"answer", 2}, {"choices", {"x", "y"}}}, json{{"answer", "A"}, {"choices", json::array()}},
          json{{"answer", "A"}, {"choices", 3}}})
        EXPECT_EQ(outcome(bad, "A"), Outcome::error) << bad;
}

TEST(Choice, HostileTextsEnd) {
    const std::string many(200000, '{'), boxes = [] {
        std::string text;
        for (int i = 0; i < 4000; ++i) text += "\\boxed{answer is ";
        return text;
    }();
    std::string letters, statements;
    for (int i = 0; i < 4000; ++i) letters += "(A", statements += " the answer is A or";
    for (const std::string& text : {many, boxes, letters, statements, std::string("\xff\xfe\x80 C \xc3"),
                                    std::string(100000, '('), std::string(3, '\0')})
        EXPECT_NO_THROW(verify("mcq", "C", text));
}

TEST(Choice, SharedCases) {
    const fs::path folder = fs::path(R1_SOURCE_DIR) / "../shared/data";
    if (!fs::exists(folder)) GTEST_SKIP() << "the shared data is not here";
    std::istringstream lines(read_file(folder / "format_cases/mcq_extraction_cases.jsonl"));
    int count = 0;
    for (std::string line; std::getline(lines, line); ++count) {
        const json c = json::parse(line);
        const auto text = c["completion"].get<std::string>();
        if (c.contains("expected_letter")) {
            uint32_t letters = 0;
            for (const auto& option : c["options"]) letters |= 1u << (option.get<std::string>()[0] - 'A');
            const Choice choice = read_choice(text, letters, {}, false);
            const int expected =
                c["expected_letter"].is_null() ? -1 : c["expected_letter"].get<std::string>()[0] - 'A';
            EXPECT_EQ(choice.letter, expected) << line;
        } else {
            const json gold = {{"answer", c["gold"]}, {"options", c["options"]}};
            EXPECT_EQ(verify("mcq", gold, text).score, c["expected_correct"].get<double>()) << line;
        }
    }
    EXPECT_EQ(count, 29);
    std::istringstream rows(read_file(folder / "math_grader_cases.jsonl"));
    count = 0;
    for (std::string line; std::getline(rows, line);) {
        const json c = json::parse(line);
        if (c["kind"] != "mcq") continue;
        EXPECT_EQ(verify("mcq", c["gold"], c["answer"].get<std::string>()).score == 1,
                  c["expected_equal"].get<bool>())
            << line;
        ++count;
    }
    EXPECT_EQ(count, 10);
}

}  // namespace
}  // namespace r1
