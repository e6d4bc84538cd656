// The free pages of a cache.
#pragma once
#include <cstdint>
#include <vector>

namespace r1 {

class PagePool {
  public:
    explicit PagePool(int64_t pages) {
        for (int64_t page = pages; page-- > 0;) free_.push_back(static_cast<int32_t>(page));
    }
    int64_t available() const { return static_cast<int64_t>(free_.size()); }
    int32_t take() {  // one must be available
        const int32_t page = free_.back();
        free_.pop_back();
        return page;
    }
    void give_back(std::vector<int32_t>& pages) {
        free_.insert(free_.end(), pages.rbegin(), pages.rend());
        pages.clear();
    }

  private:
    std::vector<int32_t> free_;
};

}  // namespace r1
