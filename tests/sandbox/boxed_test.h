// Tests that need a sandbox: where there is none they skip with the reason.
#pragma once
#include <gtest/gtest.h>

#include "sandbox/launch.h"

namespace r1::sandbox {

class BoxedTest : public testing::Test {
  protected:
    void SetUp() override {
        const std::string problem = sandbox_problem();
        if (!problem.empty()) GTEST_SKIP() << problem;
    }
};

}  // namespace r1::sandbox
