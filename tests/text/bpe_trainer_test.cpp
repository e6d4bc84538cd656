#include "text/bpe_trainer.h"

#include <gtest/gtest.h>

#include "core/check.h"
#include "core/rng.h"

namespace r1 {
namespace {

BpeTraining options(int32_t size) {
    BpeTraining out;
    out.vocab_size = size;
    out.special_tokens = {"<s>", "</s>"};
    out.added_tokens = {"<think>", "</think>"};
    out.bos_token = "<s>";
    out.eos_token = "</s>";
    return out;
}

TEST(BpeTrainer, MergesTheMostFrequentPairThenTheSmallestIds) {
    std::vector<std::string> texts = {"abab abab", "cdcd", "cdcd"};
    Tokenizer tokenizer = train_bpe(texts, options(264));
    // Words: abab, Ġabab (1 each) and cdcd (2): ab and cd both occur 4 times, and ab has the smaller ids;
    // then cd, then abab and cdcd occur twice each.
    EXPECT_EQ(tokenizer.vocab_size(), 264);
    EXPECT_EQ(tokenizer.token_text(260), "ab");
    EXPECT_EQ(tokenizer.token_text(261), "cd");
    EXPECT_EQ(tokenizer.token_text(262), "abab");
    EXPECT_EQ(tokenizer.token_text(263), "cdcd");
    EXPECT_EQ(tokenizer.encode("abab"), std::vector<int32_t>{262});
}

TEST(BpeTrainer, HasAllBytesAndTheReservedTokensFirst) {
    Tokenizer tokenizer = train_bpe(std::vector<std::string>{}, options(300));
    EXPECT_EQ(tokenizer.vocab_size(), 260);  // nothing to merge
    EXPECT_EQ(tokenizer.bos_id(), 0);
    EXPECT_EQ(tokenizer.eos_id(), 1);
    EXPECT_EQ(tokenizer.token_id("<think>"), 2);
    EXPECT_TRUE(tokenizer.is_special(0));
    EXPECT_FALSE(tokenizer.is_special(2));
    std::string text = "any \xE4\xBD\xA0 text\n<think>";
    EXPECT_EQ(tokenizer.decode(tokenizer.encode(text)), text);
}

TEST(BpeTrainer, DoesNotLearnFromReservedTokens) {
    std::vector<std::string> texts(50, "<think></think><think>");
    EXPECT_EQ(train_bpe(texts, options(300)).vocab_size(), 260);
}

TEST(BpeTrainer, DoesNotDependOnTheOrderOfTexts) {
    Rng rng(3);
    std::vector<std::string> texts;
    for (int i = 0; i < 200; ++i) {
        std::string text;
        for (int w = 0; w < 10; ++w)
            text += std::string(1, static_cast<char>('a' + rng.below(4))) +
                    static_cast<char>('a' + rng.below(4)) + " ";
        texts.push_back(text);
    }
    std::string first = train_bpe(texts, options(400)).tokenizer_json();
    rng.shuffle(texts);
    EXPECT_EQ(train_bpe(texts, options(400)).tokenizer_json(), first);
}

TEST(BpeTrainer, NamesWhatIsWrong) {
    EXPECT_THROW(train_bpe(std::vector<std::string>{"a"}, options(259)), Error);
    BpeTraining twice = options(300);
    twice.added_tokens.push_back("<s>");
    EXPECT_THROW(train_bpe(std::vector<std::string>{"a"}, twice), Error);
    BpeTraining unknown = options(300);
    unknown.pad_token = "<pad>";
    EXPECT_THROW(train_bpe(std::vector<std::string>{"a"}, unknown), Error);
    BpeTraining raw = options(300);
    raw.pre_tokenizer = {{"type", "WhitespaceSplit"}};
    EXPECT_THROW(train_bpe(std::vector<std::string>{"\xE4\xBD\xA0"}, raw), Error);
}

}  // namespace
}  // namespace r1
