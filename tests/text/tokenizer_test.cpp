// What a tokeniser promises beyond equality: errors, flags, odd input, GGUF, speed on long words.
#include "text/tokenizer.h"

#include <gtest/gtest.h>

#include <chrono>
#include <nlohmann/json.hpp>
#include <thread>

#include "core/check.h"
#include "core/rng.h"
#include "formats/gguf_metadata.h"
#include "text/unicode.h"

namespace r1 {
namespace {

using nlohmann::json;

const fs::path golden = fs::path(R1_SOURCE_DIR) / "tests/golden/text";

json spec_of(const char* name) {
    return json::parse(read_file(golden / name / "tokenizer.json"));
}

std::string error_of(const json& spec) {
    try {
        Tokenizer::from_json(spec, nullptr);
    } catch (const Error& error) {
        return error.what();
    }
    return "no error";
}

void expect_error(const json& spec, const std::string& part) {
    EXPECT_NE(error_of(spec).find(part), std::string::npos) << "want '" << part << "' in: " << error_of(spec);
}

TEST(Tokenizer, KnowsItsTokens) {
    Tokenizer tokenizer = Tokenizer::load(golden / "qwen2");
    int32_t start = *tokenizer.token_id("<|im_start|>"), think = *tokenizer.token_id("<think>");
    EXPECT_EQ(tokenizer.token_text(start), "<|im_start|>");
    EXPECT_EQ(tokenizer.token_bytes(think), "<think>");
    EXPECT_TRUE(tokenizer.is_special(start));
    EXPECT_FALSE(tokenizer.is_special(think));
    EXPECT_TRUE(tokenizer.is_added(think));
    EXPECT_FALSE(tokenizer.token_id("no such token").has_value());
    EXPECT_EQ(tokenizer.encode("<think>"), std::vector<int32_t>{think});
    for (int32_t id : {-1, tokenizer.vocab_size(), INT32_MAX, INT32_MIN}) {
        EXPECT_EQ(tokenizer.token_text(id), "");
        EXPECT_EQ(tokenizer.token_bytes(id), "");
        EXPECT_EQ(tokenizer.decode(std::vector<int32_t>{id}), "");
        EXPECT_FALSE(tokenizer.is_special(id));
    }
}

TEST(Tokenizer, FindsBosEosAndStops) {
    fs::path folder = fs::path(testing::TempDir()) / "r1_tokenizer_config";
    fs::create_directories(folder);
    write_file(folder / "tokenizer.json", spec_of("smollm").dump());
    write_file(folder / "tokenizer_config.json",
               R"({"bos_token": {"content": "<s>", "lstrip": false}, "eos_token": "<|im_end|>",
                   "chat_template": [{"name": "tool_use", "template": "t"}, {"name": "default", "template": "d"}]})");
    write_file(folder / "special_tokens_map.json", R"({"pad_token": "</s>", "eos_token": "<s>"})");
    write_file(folder / "generation_config.json", R"({"eos_token_id": [1, 0]})");
    Tokenizer tokenizer = Tokenizer::load(folder);
    int32_t end = *tokenizer.token_id("<|im_end|>");
    EXPECT_EQ(tokenizer.bos_id(), 0);
    EXPECT_EQ(tokenizer.eos_id(), end);
    EXPECT_EQ(tokenizer.pad_id(), 1);
    EXPECT_EQ(tokenizer.stop_ids(), (std::vector<int32_t>{end, 1, 0}));
    EXPECT_EQ(tokenizer.chat_template(), "d");
    write_file(folder / "chat_template.jinja", "file");
    EXPECT_EQ(Tokenizer::load(folder / "tokenizer.json").chat_template(), "file");
    fs::remove_all(folder);
}

TEST(Tokenizer, RepairsInvalidUtf8) {
    Tokenizer tokenizer = Tokenizer::load(golden / "gpt2");
    // As bytes.decode(errors="replace") of Python.
    std::pair<std::string, std::string> cases[] = {{"a\xFFz", "a\uFFFDz"},
                                                   {"\xE4\xBD", "\uFFFD"},
                                                   {"\xE4\xBD\x41", "\uFFFD\x41"},
                                                   {"\xC0\x80", "\uFFFD\uFFFD"},
                                                   {"\xED\xA0\x80", "\uFFFD\uFFFD\uFFFD"},
                                                   {"\xF0\x9F\x98", "\uFFFD"},
                                                   {"\xF5\x80", "\uFFFD\uFFFD"},
                                                   {"\xF4\x90\x80\x80", "\uFFFD\uFFFD\uFFFD\uFFFD"},
                                                   {"\xE0\x9F\xBF", "\uFFFD\uFFFD\uFFFD"},
                                                   {"\xE4\xBD\xC1", "\uFFFD\uFFFD"},
                                                   {"\xF0\x9F\x98\xF0", "\uFFFD\uFFFD"},
                                                   {"ok", "ok"}};
    for (const auto& [bytes, text] : cases) {
        EXPECT_EQ(to_valid_utf8(bytes), text);
        EXPECT_EQ(tokenizer.encode(bytes), tokenizer.encode(text));
        EXPECT_EQ(tokenizer.decode(tokenizer.encode(bytes)), text);
        Utf8Stream stream;
        std::string streamed;
        for (char byte : bytes) streamed += stream.push(std::string(1, byte));
        EXPECT_EQ(streamed + stream.finish(), text);
    }
}

TEST(Tokenizer, RoundTripsAnyBytes) {
    Tokenizer tokenizer = Tokenizer::load(golden / "smollm");
    Rng rng(7);
    for (int i = 0; i < 300; ++i) {
        std::string bytes;
        for (int n = rng.range(0, 60); n > 0; --n)
            bytes += static_cast<char>(rng.chance(0.5f) ? rng.range(0, 255) : rng.range(32, 126));
        EXPECT_EQ(tokenizer.decode(tokenizer.encode(bytes)), to_valid_utf8(bytes));
    }
}

TEST(Tokenizer, IsFastOnLongWordsAndManyMarks) {
    Tokenizer tokenizer = Tokenizer::load(golden / "qwen2");
    auto begin = std::chrono::steady_clock::now();
    std::string marks = "a", letters, spaces(200'000, ' ');
    for (int i = 0; i < 50'000; ++i) marks += i % 2 ? "\u0301" : "\u0323";
    for (int i = 0; i < 300'000; ++i) letters += static_cast<char>('a' + i % 5 % 3);
    for (const std::string& text : {marks, letters, spaces + "x"})
        EXPECT_EQ(tokenizer.decode(tokenizer.encode(text)), normalize(text, NormalForm::nfc));
    EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(20));
}

TEST(Tokenizer, EncodesFromSeveralThreads) {
    Tokenizer tokenizer = Tokenizer::load(golden / "deepseek");
    std::string text = "Some words, 12345 numbers\n\n \xE4\xBD\xA0\xE5\xA5\xBD <think>don't</think>";
    auto expected = tokenizer.encode(text);
    std::vector<std::thread> threads;
    std::vector<int> wrong(4);
    for (size_t t = 0; t < 4; ++t)
        threads.emplace_back([&, t] {
            for (int i = 0; i < 50; ++i) wrong[t] += tokenizer.encode(text) != expected;
        });
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(wrong, std::vector<int>(4));
}

TEST(Tokenizer, HostileRegexEndsInAnError) {
    json spec = spec_of("gpt2");
    spec["pre_tokenizer"] = json::parse(
        R"({"type": "Split", "pattern": {"Regex": "(a+)+$"}, "behavior": "Isolated", "invert": false})");
    Tokenizer tokenizer = Tokenizer::from_json(spec, nullptr);
    EXPECT_THROW(tokenizer.encode(std::string(5000, 'a') + "b"), Error);
    spec["pre_tokenizer"]["pattern"]["Regex"] = "(?:(?:a|b)*c)*";
    Tokenizer deep = Tokenizer::from_json(spec, nullptr);
    EXPECT_NO_THROW(deep.encode("abc"));
}

TEST(Tokenizer, NamesWhatItDoesNotSupport) {
    json good = spec_of("qwen2"), spec = good;
    EXPECT_EQ(error_of(good), "no error");
    spec["model"]["type"] = "Unigram", expect_error(spec, "Unigram");
    spec = good, spec["model"]["dropout"] = 0.1, expect_error(spec, "dropout");
    spec = good, spec["normalizer"] = {{"type", "Precompiled"}}, expect_error(spec, "Precompiled");
    spec = good, spec["pre_tokenizer"] = {{"type", "Bert"}}, expect_error(spec, "Bert");
    spec = good, spec["decoder"] = {{"type", "WordPiece"}}, expect_error(spec, "WordPiece");
    spec = good, spec["post_processor"] = {{"type", "Magic"}}, expect_error(spec, "Magic");
    spec = good, spec["pre_tokenizer"]["pretokenizers"][0]["pattern"]["Regex"] = "(",
    expect_error(spec, "'('");
    spec = good, spec["pre_tokenizer"]["pretokenizers"][0]["behavior"] = "Sideways",
    expect_error(spec, "Sideways");
    spec = good, spec["model"]["merges"].push_back("a b c"), expect_error(spec, "a b c");
    spec = good, spec["model"]["merges"].push_back("nope nope"), expect_error(spec, "nope");
    spec = good, spec["model"]["vocab"]["new"] = -1, expect_error(spec, "-1");
    spec = good, spec["model"]["vocab"]["new"] = 2'000'000'000, expect_error(spec, "2000000000");
    spec = good, spec["model"]["vocab"]["new"] = 5, expect_error(spec, "the id 5");
    spec = good, spec["model"]["vocab"] = json::array(), expect_error(spec, "vocab");
    spec = good, spec["added_tokens"][3]["content"] = std::string(2000, 'x'), expect_error(spec, "");
    spec = good, spec["added_tokens"][3]["id"] = 9, expect_error(spec, "9");
    spec = good, spec["added_tokens"] = 3, expect_error(spec, "added_tokens");
    spec = good, spec.erase("model"), expect_error(spec, "model");
    expect_error(json::array(), "object");
    spec = good;
    for (int i = 0; i < 40; ++i)
        spec["normalizer"] = {{"type", "Sequence"}, {"normalizers", json::array({spec["normalizer"]})}};
    expect_error(spec, "too deeply");
}

TEST(Tokenizer, LoadNamesTheFile) {
    fs::path folder = fs::path(testing::TempDir()) / "r1_tokenizer_broken";
    fs::create_directories(folder);
    auto message = [&] {
        try {
            Tokenizer::load(folder);
        } catch (const Error& error) {
            return std::string(error.what());
        }
        return std::string("no error");
    };
    EXPECT_NE(message().find("tokenizer.json does not exist"), std::string::npos);
    for (std::string text :
         {"", "{", "[]", "null", "{\"model\": {\"type\": \"BPE\"}}", "{\"model\": \"\xFF\"}"}) {
        write_file(folder / "tokenizer.json", text);
        EXPECT_NE(message().find(folder.string()), std::string::npos) << message();
    }
    std::string whole = read_file(golden / "gpt2/tokenizer.json");
    for (size_t size : {size_t{100}, whole.size() / 2, whole.size() - 10}) {
        write_file(folder / "tokenizer.json", whole.substr(0, size));
        EXPECT_NE(message(), "no error");
    }
    fs::remove_all(folder);
}

TEST(Tokenizer, ReadsWhatItWritesAsGguf) {
    for (const char* name : {"smollm", "llama3", "qwen2", "gpt2", "deepseek"}) {
        json spec = spec_of(name);
        json added = json::array();
        for (const json& token : spec["added_tokens"])  // a GGUF file knows neither lstrip nor single_word
            if (!token["lstrip"] && !token["rstrip"] && !token["single_word"] && !token["normalized"])
                added.push_back(token);
        for (json& token : added) spec["model"]["vocab"][token["content"].get<std::string>()] = token["id"];
        spec["added_tokens"] = added;
        Tokenizer tokenizer =
            Tokenizer::from_json(spec, {{"bos_token", "<s>"}, {"eos_token", "</s>"}, {"chat_template", "x"}});
        GgufMetadata metadata;
        tokenizer.write_gguf(metadata);
        Tokenizer again = Tokenizer::from_gguf(metadata);
        EXPECT_EQ(again.vocab_size(), tokenizer.vocab_size());
        EXPECT_EQ(again.bos_id(), 0);
        EXPECT_EQ(again.eos_id(), 1);
        EXPECT_EQ(again.chat_template(), "x");
        EXPECT_EQ(again.is_special(*again.token_id("<|im_end|>")), true);
        for (const auto& example : json::parse(read_file(golden / name / "cases.json"))) {
            auto text = example[0].get<std::string>();
            EXPECT_EQ(again.encode(text), tokenizer.encode(text)) << name << ": " << text;
        }
    }
    GgufMetadata metadata;
    EXPECT_THROW(Tokenizer::load(golden / "odd").write_gguf(metadata), Error);
}

TEST(Tokenizer, RefusesGgufThatItCannotMatch) {
    GgufMetadata metadata;
    EXPECT_THROW(Tokenizer::from_gguf(metadata), Error);
    Tokenizer::load(golden / "smollm").write_gguf(metadata);
    GgufMetadata other = metadata;
    other.set("tokenizer.ggml.pre", std::string("martian"));
    EXPECT_THROW(Tokenizer::from_gguf(other), Error);
    other = metadata;
    other.set("tokenizer.ggml.model", std::string("llama"));
    EXPECT_THROW(Tokenizer::from_gguf(other), Error);
    other = metadata;
    other.set("tokenizer.ggml.token_type", GgufArray{std::vector<int32_t>{1, 2}});
    EXPECT_THROW(Tokenizer::from_gguf(other), Error);
    other = metadata;
    other.set("tokenizer.ggml.bos_token_id", uint32_t{4'000'000'000});
    EXPECT_FALSE(Tokenizer::from_gguf(other).bos_id().has_value());
}

}  // namespace
}  // namespace r1
