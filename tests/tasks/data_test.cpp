#include "tasks/data.h"

#include <gtest/gtest.h>

#include "core/check.h"
#include "core/files.h"

namespace r1 {
namespace {

using nlohmann::json;

fs::path temporary(const std::string& name, const std::string& bytes) {
    const fs::path path = fs::temp_directory_path() / ("r1_data_test_" + name);
    write_file(path, bytes);
    return path;
}

TEST(Data, Shapes) {
    struct Case {
        const char* row;
        const char* kind;
        const char* gold;
    };
    const Case cases[] = {
        {R"({"question":"q","answer":"48/2 = <<48/2=24>>24\n#### 1,072"})", "number", R"("1,072")"},
        {R"({"question":"q","golden":"39"})", "number", R"("39")"},
        {R"({"nums":[1,2,3],"target":6})", "countdown", R"({"numbers":[1,2,3],"target":6})"},
        {R"({"prompt":[{"role":"user","content":"q"}],"reward_model":{"style":"rule","ground_truth":"72"},"data_source":"x"})",
         "number", R"("72")"},
        {R"({"prompt":[{"role":"user","content":"q"}],"reward_model":{"ground_truth":{"target":6,"numbers":[1,2,3]}}})",
         "countdown", R"({"numbers":[1,2,3],"target":6})"},
        {R"({"prompt":"q","label":"-3.5"})", "number", R"("-3.5")"},
        {R"({"prompt":"q","ground_truth":7})", "number", R"("7")"},
        {R"({"problem":"q","solution":"so \\boxed{\\frac{1}{2}}."})", "number", R"("\\frac{1}{2}")"},
        {R"({"problem":"q","answer":"0","solution":"?"})", "number", R"("0")"},
        {R"({"family":"arithmetic","prompt":"User: compute 1 + 1 Assistant:","gold":{"a":1,"op":"+","b":1}})",
         "arithmetic", R"({"a":1,"b":1,"op":"+"})"},
    };
    for (const Case& c : cases) {
        const Example example = parse_example(json::parse(c.row));
        EXPECT_EQ(example.kind, c.kind) << c.row;
        const json expected = json::parse(c.gold);
        if (expected.is_object()) {
            for (const auto& [key, value] : expected.items()) EXPECT_EQ(example.gold[key], value) << c.row;
        } else {
            EXPECT_EQ(example.gold, expected) << c.row;
        }
        EXPECT_TRUE(example.prompt.empty() != example.messages.is_null()) << c.row;
    }
}

TEST(Data, BadRowsSayWhatIsWrong) {
    for (const char* row :
         {R"([])", R"({})", R"({"question":"q","answer":"#### many"})", R"({"prompt":"q"})",
          R"({"prompt":"","label":"1"})", R"({"prompt":[],"label":"1"})",
          R"({"prompt":[{"role":"user"}],"label":"1"})", R"({"question":5,"answer":"1"})",
          R"({"nums":"1 2","target":3})", R"({"nums":[1e99],"target":3})",
          R"({"problem":"q","solution":"\\boxed{x"})", R"({"family":"chess","prompt":"q","gold":{}})",
          R"({"prompt":"q","label":null})", R"({"prompt":"q","label":[1]})"})
        EXPECT_THROW(parse_example(json::parse(row)), Error) << row;
}

TEST(Data, LinesEndAtNewlinesAloneAndBadOnesAreNamed) {
    const fs::path path =
        temporary("lines.jsonl",
                  "{\"prompt\":\"a\u2028b\u0085c\",\"label\":\"1\"}\r\n\nnot json\n"
                  "{\"prompt\":\"q\",\"label\":\"none\"}\n{\"prompt\":\"q\",\"label\":\"2\"}");
    const LoadedData data = load_examples(path);
    ASSERT_EQ(data.examples.size(), 2u);
    EXPECT_EQ(data.examples[0].prompt, "a\u2028b\u0085c");
    EXPECT_EQ(data.skipped, 2u);
    ASSERT_EQ(data.problems.size(), 2u);
    EXPECT_NE(data.problems[0].find(":3: the line is not valid JSON"), std::string::npos) << data.problems[0];
    EXPECT_NE(data.problems[1].find(":4: the gold"), std::string::npos) << data.problems[1];
    EXPECT_THROW(load_examples(temporary("empty.jsonl", "\n\n")), Error);
    EXPECT_THROW(load_examples(temporary("useless.jsonl", "{\"a\":1}\n")), Error);
    EXPECT_THROW(load_examples("/nowhere.jsonl"), Error);
    EXPECT_THROW(load_examples(temporary("deep.jsonl", std::string(1 << 20, '['))), Error);
}

TEST(Data, Gzip) {
    // printf '{"prompt":"q","label":"5"}\n' | gzip -n
    const std::string packed(
        "\x1f"
        "\x8b"
        "\x08"
        "\x00"
        "\x00"
        "\x00"
        "\x00"
        "\x00"
        "\x00"
        "\x03"
        "\xab"
        "\x56"
        "\x2a"
        "\x28"
        "\xca"
        "\xcf"
        "\x2d"
        "\x28"
        "\x51"
        "\xb2"
        "\x52"
        "\x2a"
        "\x54"
        "\xd2"
        "\x51"
        "\xca"
        "\x49"
        "\x4c"
        "\x4a"
        "\xcd"
        "\x01"
        "\xb2"
        "\x4d"
        "\x95"
        "\x6a"
        "\xb9"
        "\x00"
        "\x0a"
        "\xa5"
        "\x7e"
        "\x60"
        "\x1b"
        "\x00"
        "\x00"
        "\x00",
        45);
    const LoadedData data = load_examples(temporary("small.jsonl.gz", packed));
    ASSERT_EQ(data.examples.size(), 1u);
    EXPECT_EQ(data.examples[0].gold, "5");
    EXPECT_EQ(load_examples(temporary("twice.jsonl.gz", packed + packed)).examples.size(), 2u);
    for (size_t size = 2; size < packed.size(); ++size)
        EXPECT_THROW(load_examples(temporary("cut.jsonl.gz", packed.substr(0, size))), Error) << size;
    EXPECT_THROW(read_text_file(temporary("small.jsonl.gz", packed), 10), Error);
}

TEST(Data, SharedSets) {
    const fs::path shared = fs::path(R1_SOURCE_DIR) / "../shared/data";
    if (!fs::exists(shared)) GTEST_SKIP() << "the shared data is not here";
    const LoadedData gsm8k = load_examples(shared / "gsm8k/train.jsonl.gz");
    EXPECT_EQ(gsm8k.examples.size(), 7473u);
    EXPECT_EQ(gsm8k.skipped, 0u);
    const LoadedData cmath = load_examples(shared / "chinese_math/cmath.jsonl.gz");
    EXPECT_GT(cmath.examples.size(), 1090u);
    const LoadedData math = load_examples(shared / "math500/test.jsonl");
    EXPECT_GT(math.examples.size(), 250u);
    EXPECT_EQ(math.examples.size() + math.skipped, 500u);
}

}  // namespace
}  // namespace r1
