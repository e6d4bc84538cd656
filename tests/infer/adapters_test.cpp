#include "infer/adapters.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "formats/temp_folder.h"
#include "golden/golden.h"
#include "infer/score.h"

namespace r1 {
namespace {

using nlohmann::json;

struct GoldenLlama : Model {
    explicit GoldenLlama(Stream& stream, const char* name = "llama")
        : Model(load_model_config(golden::root / "models" / name)) {
        load(stream, *open_tensors(golden::root / "models" / name));
    }
};

class AdapterFiles : public testing::Test {
  protected:
    // Adapters that change something: B is not 0.
    void attach(Model& model, const LoraConfig& config) {
        model.attach_lora(config, 3);
        float* w = model.trainable_weights().as<float>();
        for (int64_t i = 0; i < model.trainable_weights().numel(); ++i) {
            w[i] += 0.01f * static_cast<float>(i % 17 - 8);
        }
        model.pack(stream_, false);
    }
    std::vector<float> rows(Model& model) {
        const std::vector<int32_t> ids{1, 5, 96, 3, 80};
        return logprob_rows(stream_, model, ids, arena_);
    }

    Runtime runtime_{1};
    Stream& stream_ = runtime_.stream();
    Arena arena_;
    TempFolder folder_;
    const fs::path saved_ = folder_ / "adapters";
};

TEST_F(AdapterFiles, ReloadToTheSameBits) {
    for (const auto& targets :
         std::vector<std::vector<std::string>>{LoraConfig{}.target_modules, {"v_proj", "down_proj"}}) {
        GoldenLlama model(stream_), other(stream_);
        const auto plain = rows(model);
        attach(model, {.rank = 3, .alpha = 7.5f, .target_modules = targets});
        const fs::path saved = folder_ / cat("adapters-", targets.size());
        save_adapters(saved, model, "org/base");
        load_adapters(stream_, other, saved);
        EXPECT_EQ(rows(other), rows(model));
        EXPECT_NE(rows(model), plain);
        const json config = golden::read_json(saved / "adapter_config.json");
        EXPECT_EQ(config["base_model_name_or_path"], "org/base");
        EXPECT_EQ(config["target_modules"], json(targets));
        EXPECT_EQ(config["r"], 3);
    }
}

TEST_F(AdapterFiles, OtherVariantsAreErrorsAndLeaveTheModelAlone) {
    GoldenLlama model(stream_);
    attach(model, {.rank = 2});
    save_adapters(saved_, model, "base");
    const json good = golden::read_json(saved_ / "adapter_config.json");
    GoldenLlama other(stream_);
    const std::vector<std::pair<const char*, json>> wrong{{"peft_type", "LOHA"},
                                                          {"r", 0},
                                                          {"r", 3},
                                                          {"r", "two"},
                                                          {"r", 1'000'000},
                                                          {"lora_alpha", -1},
                                                          {"lora_alpha", "a"},
                                                          {"use_dora", true},
                                                          {"use_rslora", true},
                                                          {"bias", "all"},
                                                          {"rank_pattern", {{"q_proj", 8}}},
                                                          {"modules_to_save", {"lm_head"}},
                                                          {"target_modules", {"q_proj"}},
                                                          {"target_modules", {"c_attn"}},
                                                          {"target_modules", {1}},
                                                          {"target_modules", ".*proj"},
                                                          {"target_modules", json::array()}};
    for (const auto& [key, value] : wrong) {
        json bad = good;
        bad[key] = value;
        write_quickly(saved_ / "adapter_config.json", bad.dump());
        EXPECT_NE(error_of([&] { load_adapters(stream_, other, saved_); }), "") << key << " " << value;
        EXPECT_EQ(other.lora(), nullptr);
    }
    for (const char* bad : {"", "[]", "{}", "{"}) {
        write_quickly(saved_ / "adapter_config.json", bad);
        EXPECT_NE(error_of([&] { load_adapters(stream_, other, saved_); }).find("adapter_config.json"),
                  std::string::npos);
    }
    json all = good;
    all["target_modules"] = "all-linear";
    all["use_dora"] = nullptr;
    write_quickly(saved_ / "adapter_config.json", all.dump());
    GoldenLlama narrow(stream_, "qwen2");
    EXPECT_THROW(load_adapters(stream_, narrow, saved_), Error);
    EXPECT_EQ(narrow.lora(), nullptr);
    load_adapters(stream_, other, saved_);
    EXPECT_EQ(rows(other), rows(model));
}

TEST_F(AdapterFiles, SavingNeedsAdaptersAndANewFolder) {
    GoldenLlama model(stream_);
    EXPECT_NE(error_of([&] { save_adapters(saved_, model, "base"); }).find("no adapters"), std::string::npos);
    attach(model, {.rank = 2});
    save_adapters(saved_, model, "base");
    EXPECT_THROW(save_adapters(saved_, model, "base"), Error);
    EXPECT_NE(error_of([&] { load_adapters(stream_, model, saved_); }).find("already"), std::string::npos);
}

}  // namespace
}  // namespace r1
