// The commands that answer JSON lines.
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <nlohmann/json.hpp>
#include <sstream>

#include "cli/program.h"
#include "core/files.h"

namespace r1::test {
namespace {

std::vector<nlohmann::json> answers(const std::vector<std::string>& arguments, const std::string& input) {
    const Result result = run(arguments, input);
    EXPECT_EQ(result.code, 0) << result.err;
    EXPECT_EQ(result.err, "");
    std::vector<nlohmann::json> lines;
    std::istringstream out(result.out);
    for (std::string line; std::getline(out, line);) lines.push_back(nlohmann::json::parse(line));
    return lines;
}

const std::string kRight = R"({"kind":"number","gold":"42","answer":"42"})";

TEST(JsonLines, OneAnswerForEachLineThatIsNotBlank) {
    const auto lines =
        answers({"grade"},
                kRight + "\n\n  \t\r\n" + R"({"kind":"number","gold":"42","answer":"41"})" + "\r\n" + kRight);
    ASSERT_EQ(lines.size(), 3u);
    EXPECT_EQ(lines[0].at("score"), 1.0);
    EXPECT_EQ(lines[0].at("outcome"), "correct");
    EXPECT_TRUE(lines[0].at("reason").is_string());
    EXPECT_EQ(lines[1].at("outcome"), "wrong");
    EXPECT_EQ(lines[1].at("score"), 0.0);
    EXPECT_EQ(lines[2].at("score"), 1.0);
    EXPECT_TRUE(answers({"grade"}, "").empty());
    EXPECT_TRUE(answers({"grade"}, "\n\n").empty());
}

TEST(JsonLines, AWrongLineIsAnErrorAndTheNextIsAnswered) {
    const std::vector<std::string> wrong = {
        "{",
        "no json",
        "[1]",
        "3",
        "{}",
        R"({"kind":"nmber","gold":"1","answer":"1"})",
        R"({"kind":7})",
        R"({"kind":"number","answer":"1"})",
        R"({"kind":"number","gold":"42","answer":)" + std::string(100'000, '[') + std::string(100'000, ']') +
            "}",
        std::string(1'000'000, '['),
        "{\"kind\":\"\xff\xfe\"}",
        "{\"a\":1e999}",
        std::string("\0", 1),
        R"({"kind":"number"} {"kind":"number"})",
    };
    for (const auto& line : wrong) {
        const auto lines = answers({"grade"}, line + "\n" + kRight);
        ASSERT_EQ(lines.size(), 2u) << line.substr(0, 80);
        EXPECT_TRUE(lines[0].contains("error")) << line.substr(0, 80) << " gave " << lines[0];
        EXPECT_EQ(lines[0].size(), 1u);
        EXPECT_EQ(lines[1].at("score"), 1.0);
    }
}

TEST(JsonLines, ALineMayBeLong) {
    const auto lines = answers({"grade"}, R"({"kind":"number","gold":"42","answer":"42","note":")" +
                                              std::string(5'000'000, 'x') + "\"}\n" + kRight);
    ASSERT_EQ(lines.size(), 2u);
    EXPECT_EQ(lines[0].at("score"), 1.0);
    EXPECT_EQ(lines[1].at("score"), 1.0);
}

TEST(JsonLines, AnAnswerComesBeforeTheNextLineIsSent) {
    Conversation grade({"grade"});
    for (int i = 0; i < 3; ++i) EXPECT_NE(grade.ask(kRight).find("correct"), std::string::npos);
    EXPECT_NE(grade.ask("oops").find("error"), std::string::npos);
    EXPECT_EQ(grade.finish(), 0);
}

TEST(JsonLines, AGoneReaderAndAFullDiskEndTheStream) {
    std::string input;
    for (int i = 0; i < 1000; ++i) input += kRight + "\n";
    EXPECT_EQ(run_without_reader({"grade"}, input).code, 128 + SIGPIPE);
    EXPECT_EQ(run_without_reader({"grade"}, input).err, "");
    const Result full = run({"grade"}, input, "/dev/full");
    EXPECT_EQ(full.code, 1);
    EXPECT_EQ(full.err, "r1: cannot write to standard output: No space left on device\n");
}

// A byte-level tokeniser of three tokens and a special one.
struct TokenizeTest : testing::Test {
    fs::path folder = fs::temp_directory_path() / ("r1-tokenize-" + std::to_string(::getpid()));
    void SetUp() override {
        fs::create_directory(folder);
        const nlohmann::json special = {{"id", 3},         {"content", "<s>"}, {"single_word", false},
                                        {"lstrip", false}, {"rstrip", false},  {"normalized", false},
                                        {"special", true}};
        const nlohmann::json model = {
            {"type", "BPE"}, {"vocab", {{"a", 0}, {"b", 1}, {"ab", 2}}}, {"merges", {"a b"}}};
        const nlohmann::json byte_level = {{"type", "ByteLevel"}, {"add_prefix_space", false}};
        const nlohmann::json single = {{{"SpecialToken", {{"id", "<s>"}, {"type_id", 0}}}},
                                       {{"Sequence", {{"id", "A"}, {"type_id", 0}}}}};
        const nlohmann::json post = {
            {"type", "TemplateProcessing"},
            {"single", single},
            {"pair", nlohmann::json::array()},
            {"special_tokens", {{"<s>", {{"id", "<s>"}, {"ids", {3}}, {"tokens", {"<s>"}}}}}}};
        const nlohmann::json tokenizer = {{"version", "1.0"},       {"added_tokens", {special}},
                                          {"normalizer", nullptr},  {"pre_tokenizer", byte_level},
                                          {"post_processor", post}, {"decoder", byte_level},
                                          {"model", model}};
        write_file(folder / "tokenizer.json", tokenizer.dump());
        const std::string chat =
            "{% for m in messages %}<s>{{ m.content }}{% endfor %}{% if add_generation_prompt %}b{% endif %}";
        write_file(folder / "tokenizer_config.json",
                   nlohmann::json{{"chat_template", chat}, {"bos_token", "<s>"}}.dump());
    }
    void TearDown() override { fs::remove_all(folder); }
    nlohmann::json answer(const std::string& line) {
        const auto lines = answers({"tokenize", "--model", folder.string()}, line);
        return lines.size() == 1 ? lines[0] : nlohmann::json();
    }
};

TEST_F(TokenizeTest, TextIdsAndMessages) {
    using nlohmann::json;
    EXPECT_EQ(answer(R"({"text":"aab<s>b"})"), json({{"ids", {0, 2, 3, 1}}}));
    EXPECT_EQ(answer(R"({"text":"ab","add_special":true})"), json({{"ids", {3, 2}}}));
    EXPECT_EQ(answer(R"({"text":""})"), json({{"ids", json::array()}}));
    EXPECT_EQ(answer(R"({"ids":[0,2,3,1]})"), json({{"text", "aab<s>b"}}));
    EXPECT_EQ(answer(R"({"messages":[{"role":"user","content":"ab"}]})"),
              json({{"ids", {3, 2}}, {"text", "<s>ab"}}));
    EXPECT_EQ(answer(R"({"messages":[{"role":"user","content":"a"}],"add_generation_prompt":true})"),
              json({{"ids", {3, 2}}, {"text", "<s>ab"}}));
}

TEST_F(TokenizeTest, ErrorsNameTheField) {
    const auto error = [&](const std::string& line) { return answer(line).value("error", "no error"); };
    EXPECT_EQ(error(R"({"txt":"a"})"), R"(the line needs "text", "ids" or "messages")");
    EXPECT_EQ(error(R"({"text":3})"), R"("text" must be a string, not number)");
    EXPECT_EQ(error(R"({"text":"a","add_special":1})"), R"("add_special" must be true or false, not number)");
    EXPECT_EQ(error(R"({"ids":"a"})"), R"("ids" must be a list of token ids, not string)");
    EXPECT_EQ(error(R"({"ids":["a"]})"), R"("ids" must be a whole number, not string)");
    EXPECT_EQ(error(R"({"ids":[1.5]})"), R"("ids" must be a whole number, not 1.5)");
    EXPECT_EQ(error(R"({"ids":[4]})"), R"("ids" is 4, but must be at least 0 and at most 3)");
    EXPECT_EQ(error(R"({"ids":[-1]})"), R"("ids" is -1, but must be at least 0 and at most 3)");
    EXPECT_EQ(error(R"({"ids":[18446744073709551615]})"),
              R"("ids" is 18446744073709551615, but must be at least 0 and at most 3)");
    EXPECT_NE(error(R"({"messages":3})"), "no error");
    EXPECT_NE(error(R"({"messages":[{"role":"user","content":"a"}],"chat_template_kwargs":[]})"), "no error");
}

TEST_F(TokenizeTest, AModelThatIsNotThereIsOneError) {
    const Result result = run({"tokenize", "--model", (folder / "none").string()}, kRight);
    EXPECT_EQ(result.code, 1);
    EXPECT_EQ(result.out, "");
    EXPECT_TRUE(result.err.starts_with("r1: ")) << result.err;
    EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
    EXPECT_EQ(run({"tokenize"}).err, "r1: missing --model DIR_OR_FILE\n");
}

}  // namespace
}  // namespace r1::test
