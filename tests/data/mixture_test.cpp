#include "data/mixture.h"

#include <gtest/gtest.h>

#include "core/check.h"
#include "formats/temp_folder.h"

namespace r1 {
namespace {

TEST(Mixture, EntriesAreFilesAndTasksWithWeights) {
    const auto parts =
        parse_mixture({"gsm8k/train.jsonl.gz=2", "math/train.parquet", "task:knights:3=1", "x.json=10"});
    ASSERT_EQ(parts.size(), 4u);
    EXPECT_EQ(parts[0].path, "gsm8k/train.jsonl.gz");
    EXPECT_EQ(parts[0].weight, 2);
    EXPECT_EQ(parts[0].name, "gsm8k-train");
    EXPECT_EQ(parts[1].name, "math-train");
    EXPECT_EQ(parts[1].weight, 1);
    EXPECT_EQ(parts[2].task, "knights:3");
    EXPECT_TRUE(parts[2].path.empty());
    EXPECT_EQ(parts[3].name, "x");
    EXPECT_EQ(mixture_text({"a/train.jsonl"}), "train.jsonl");
    EXPECT_EQ(mixture_text({"a.jsonl=2", "b.jsonl"}), "a ×2 + b");
    for (const char* bad :
         {"a.jsonl=", "a.jsonl=0", "a.jsonl=-1", "a.jsonl=1.5", "a.jsonl=10000", "", "task:chess"})
        EXPECT_THROW(parse_mixture({bad}), Error) << bad;
    TempFolder folder;
    write_quickly(folder / "a=b", "");
    EXPECT_EQ(parse_mixture({(folder / "a=b").string()})[0].name, "a=b");
}

}  // namespace
}  // namespace r1
