#include "tasks/corpus.h"

#include <gtest/gtest.h>

#include <regex>

#include "core/check.h"
#include "tasks/countdown.h"

namespace r1 {
namespace {

TEST(Corpus, ADocumentIsAFunctionOfSeedAndIndex) {
    CorpusRecipe recipe;
    std::string all;
    for (uint64_t i = 0; i < 2000; ++i) all += make_document(recipe, i).text;
    EXPECT_EQ(make_document(recipe, 777).text, make_document(recipe, 777).text);
    EXPECT_EQ(hash_bytes(all.data(), all.size()), 3414936293794724728u)
        << "the corpus has changed: the base has to be trained again";
    recipe.seed = 2;
    EXPECT_NE(make_document(recipe, 777).text, make_document(CorpusRecipe{}, 777).text);
}

TEST(Corpus, MostDocumentsAreTerseAndOftenWrong) {
    CorpusRecipe recipe;
    CorpusCount count;
    for (uint64_t i = 0; i < 20000; ++i) count.add(make_document(recipe, i));
    const nlohmann::json summary = count.summary();
    double terse = 0, right = 0;
    for (const auto& [family, kinds] : summary["families"].items())
        for (const auto& [kind, values] : kinds.items()) {
            if (kind != "terse" && kind != "attempt") continue;
            terse += values["share"].get<double>();
            right += values["share"].get<double>() * values["correct"].get<double>();
        }
    EXPECT_GT(terse, 0.65);
    EXPECT_LT(right / terse, 0.2);
    EXPECT_NEAR(summary["searching"].get<double>(), 0.104, 0.01);
    EXPECT_NEAR(summary["chinese"].get<double>(), 0.2, 0.02);
}

TEST(Corpus, EndsEachDocumentAndHoldsNothingHeldOut) {
    const CorpusRecipe recipe;
    const std::regex question("make (\\d+) from((?: \\d+)+) Assistant:");
    int questions = 0;
    for (uint64_t i = 0; i < 5000; ++i) {
        const std::string text = make_document(recipe, i).text;
        EXPECT_TRUE(text.ends_with("<|endoftext|>"));
        EXPECT_EQ(text.find("<|endoftext|>"), text.size() - 13);
        std::smatch found;
        if (!std::regex_search(text, found, question)) continue;
        ++questions;
        countdown::Puzzle puzzle;
        puzzle.target = std::stoi(found[1]);
        std::istringstream numbers(found[2]);
        for (puzzle.count = 0; numbers >> puzzle.numbers[static_cast<size_t>(puzzle.count)];)
            if (++puzzle.count == 4) break;
        EXPECT_FALSE(is_held_out(countdown::canonical(puzzle))) << text;
    }
    EXPECT_GT(questions, 1000);
}

TEST(Corpus, RecipeFromJson) {
    EXPECT_EQ(corpus_recipe({{"chinese", 0.5}, {"seed", 9u}}).seed, 9u);
    EXPECT_THROW(corpus_recipe({{"chines", 0.5}}), Error);
    EXPECT_THROW(corpus_recipe({{"families", {1, 2}}}), Error);
    EXPECT_THROW(corpus_recipe({{"cut_off", -1}}), Error);
    EXPECT_THROW(corpus_recipe(nlohmann::json::array()), Error);
}

}  // namespace
}  // namespace r1
