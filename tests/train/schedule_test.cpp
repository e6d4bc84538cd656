#include "train/schedule.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "formats/temp_folder.h"

namespace r1 {
namespace {

Schedule schedule(const std::string& type, int64_t warmup_steps = 0) {
    return {
        .lr_scheduler_type = type, .learning_rate = 2.0f, .warmup_steps = warmup_steps, .total_steps = 13};
}

TEST(Schedule, WarmupRisesFromTheFirstStepToThePeak) {
    for (const char* type : {"constant_with_warmup", "linear", "cosine", "cosine_with_min_lr"}) {
        const Schedule s = schedule(type, 3);
        EXPECT_FLOAT_EQ(s.rate(0), 0.5f) << type;
        EXPECT_FLOAT_EQ(s.rate(1), 1.0f) << type;
        EXPECT_FLOAT_EQ(s.rate(2), 1.5f) << type;
        EXPECT_FLOAT_EQ(s.rate(3), 2.0f) << type;
    }
}

TEST(Schedule, DecayAfterTheWarmup) {
    EXPECT_EQ(schedule("constant").rate(12), 2.0f);
    EXPECT_EQ(schedule("constant_with_warmup", 3).rate(12), 2.0f);
    EXPECT_FLOAT_EQ(schedule("linear", 3).rate(8), 1.0f);
    EXPECT_FLOAT_EQ(schedule("linear", 3).rate(12), 0.2f);
    EXPECT_FLOAT_EQ(schedule("cosine", 3).rate(8), 1.0f);
    EXPECT_FLOAT_EQ(schedule("cosine", 3).rate(6), static_cast<float>(1.0 + std::cos(M_PI * 0.3)));
    Schedule s = schedule("cosine_with_min_lr", 3);
    s.min_lr = 0.4f;
    EXPECT_FLOAT_EQ(s.rate(3), 2.0f);
    EXPECT_FLOAT_EQ(s.rate(8), 1.2f);
    EXPECT_FLOAT_EQ(s.rate(13), 0.4f);
}

TEST(Schedule, StaysAtItsEnd) {
    EXPECT_EQ(schedule("linear").rate(1000), 0.0f);
    EXPECT_EQ(schedule("cosine").rate(1000), 0.0f);
}

TEST(Schedule, WarmupLongerThanTheRun) {
    EXPECT_FLOAT_EQ(schedule("linear", 19).rate(12), 1.3f);
    EXPECT_EQ(schedule("linear", 19).rate(19), 2.0f);
}

TEST(Schedule, ErrorsNameTheSetting) {
    const auto error = [](const Schedule& s) { return error_of([&] { s.validate(); }); };
    EXPECT_NE(error(schedule("polynomial")).find("lr_scheduler_type 'polynomial'"), std::string::npos);
    EXPECT_NE(error(schedule("constant", 3)).find("constant_with_warmup"), std::string::npos);
    EXPECT_NE(error(schedule("linear", -1)).find("warmup_steps"), std::string::npos);
    Schedule s = schedule("linear");
    s.min_lr = 0.1f;
    EXPECT_NE(error(s).find("cosine_with_min_lr"), std::string::npos);
    s = schedule("cosine_with_min_lr");
    s.min_lr = 3.0f;
    EXPECT_NE(error(s).find("min_lr"), std::string::npos);
    s.learning_rate = std::numeric_limits<float>::quiet_NaN();
    EXPECT_NE(error(s).find("learning_rate"), std::string::npos);
}

}  // namespace
}  // namespace r1
