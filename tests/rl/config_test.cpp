#include "rl/config.h"

#include <gtest/gtest.h>

#include "core/files.h"
#include "core/options.h"

namespace r1 {
namespace {

const fs::path kRecipes = fs::path(R1_SOURCE_DIR) / "recipes";

void apply_recipe(RlConfig& config, const std::string& name) {
    apply_toml(rl_options(config), read_file(kRecipes / name), name);
}

TEST(RlConfig, TheRecipeSpellsOutTheDefaults) {
    RlConfig spelled, defaults;
    embedded_defaults(spelled), embedded_defaults(defaults);
    apply_recipe(spelled, "zero.toml");
    EXPECT_EQ(to_toml(rl_options(spelled)), to_toml(rl_options(defaults)));
    RlConfig alone;  // what it leaves out is the same for every model
    apply_recipe(alone, "zero.toml");
    alone.micro_batch_tokens = defaults.micro_batch_tokens;  // changes no result that is promised
    EXPECT_EQ(to_toml(rl_options(alone)), to_toml(rl_options(defaults)));
}

TEST(RlConfig, TheLargerBasesRecipeNamesAModelThatIsThere) {
    RlConfig config;
    apply_recipe(config, "zero-20m.toml");
    EXPECT_EQ(config.device, "cuda");
    EXPECT_TRUE(fs::exists(fs::path(R1_SOURCE_DIR) / config.model));
    EXPECT_TRUE(fs::exists((fs::path(R1_SOURCE_DIR) / config.model).parent_path() / "disclosure.txt"));
}

}  // namespace
}  // namespace r1
