// Equality with Hugging Face's `tokenizers` on hard texts, for a small tokeniser of each kind
// (scripts/golden_text.py).
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <numeric>

#include "core/files.h"
#include "text/tokenizer.h"
#include "text/unicode.h"

namespace r1 {
namespace {

const fs::path golden = fs::path(R1_SOURCE_DIR) / "tests/golden/text";

class GoldenTokenizer : public testing::TestWithParam<const char*> {};

TEST_P(GoldenTokenizer, EncodesAndDecodesAsTokenizers) {
    Tokenizer tokenizer = Tokenizer::load(golden / GetParam());
    auto cases = nlohmann::json::parse(read_file(golden / GetParam() / "cases.json"));
    ASSERT_GT(cases.size(), 80u);
    for (const auto& example : cases) {
        auto text = example[0].get<std::string>();
        auto ids = example[1].get<std::vector<int32_t>>();
        EXPECT_EQ(tokenizer.encode(text), ids) << text;
        std::vector<int32_t> full = tokenizer.encode(text, true);
        EXPECT_EQ(full.size(), ids.size() + example[2].get<size_t>()) << text;
        EXPECT_EQ(tokenizer.decode(full), example[3].is_null() ? text : example[3].get<std::string>());
        EXPECT_EQ(tokenizer.decode(full, true), example[4].is_null() ? text : example[4].get<std::string>());
    }
}

// Tokens streamed one by one give the same text as decode(), never half a character.
TEST_P(GoldenTokenizer, StreamsWhatItDecodes) {
    bool strips = std::string(GetParam()) == "metaspace";  // its decoder drops the first space of the whole
    Tokenizer tokenizer = Tokenizer::load(golden / GetParam());
    for (const auto& example : nlohmann::json::parse(read_file(golden / GetParam() / "cases.json"))) {
        auto ids = example[1].get<std::vector<int32_t>>();
        Utf8Stream stream;
        std::string streamed;
        for (int32_t id : ids) {
            std::string piece = stream.push(tokenizer.token_bytes(id));
            EXPECT_TRUE(is_valid_utf8(piece));
            streamed += piece;
        }
        streamed += stream.finish();
        if (strips && streamed.starts_with(' ')) streamed.erase(0, 1);
        EXPECT_EQ(streamed, tokenizer.decode(ids));
    }
}

TEST_P(GoldenTokenizer, SavedIsTheSame) {
    Tokenizer tokenizer = Tokenizer::load(golden / GetParam());
    fs::path folder = fs::path(testing::TempDir()) / (std::string("r1_tokenizer_") + GetParam());
    fs::create_directories(folder);
    tokenizer.with_chat_template("{{ 'x' }}").save(folder);
    Tokenizer again = Tokenizer::load(folder);
    EXPECT_EQ(again.vocab_size(), tokenizer.vocab_size());
    EXPECT_EQ(again.chat_template(), "{{ 'x' }}");
    std::string text = "Some text <think> 123 \xE4\xBD\xA0 <|im_end|>x";
    EXPECT_EQ(again.encode(text, true), tokenizer.encode(text, true));
    fs::remove_all(folder);
}

INSTANTIATE_TEST_SUITE_P(All, GoldenTokenizer,
                         testing::Values("gpt2", "smollm", "llama3", "qwen2", "deepseek", "odd",
                                         "metaspace"));

}  // namespace
}  // namespace r1
