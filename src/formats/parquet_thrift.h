// Thrift's compact protocol, as far as Parquet's footer and page headers need it: a pull parser over bytes
// that may be hostile. Source: apache/thrift doc/specs/thrift-compact-protocol.md.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "core/check.h"

namespace r1::parquet {

class ThriftReader {
  public:
    explicit ThriftReader(std::string_view bytes) : bytes_(bytes) {}

    enum Type : uint8_t {
        stop = 0,
        yes = 1,
        no = 2,
        i8 = 3,
        i16 = 4,
        i32 = 5,
        i64 = 6,
        number = 7,
        binary = 8,
        list = 9,
        set = 10,
        map = 11,
        structure = 12
    };

    // Calls field(id, type) for each field of a structure. What `field` does not read it must skip().
    template <class Field>
    void structure_fields(const Field& field) {
        check(++depth_ <= 16, "Thrift: structures nested deeper than 16");
        int id = 0;
        for (;;) {
            const uint8_t head = byte();
            if (head == stop) break;
            id = head >> 4 ? id + (head >> 4) : static_cast<int>(integer());
            field(id, static_cast<Type>(head & 15));
        }
        --depth_;
    }
    // Calls item() for each element of a list whose elements have that type.
    template <class Item>
    void list_items(Type expected, const Item& item) {
        const auto [type, size] = list_head();
        check(type == expected || size == 0, "Thrift: a list of another type");
        for (uint64_t i = 0; i < size; ++i) item();
    }

    int64_t integer();  // zigzag
    std::string_view string();
    void skip(Type type);
    size_t position() const { return at_; }

  private:
    struct ListHead {
        Type type;
        uint64_t size;
    };
    ListHead list_head();
    uint8_t byte() {
        check(at_ < bytes_.size(), "Thrift: it ends too soon");
        return static_cast<uint8_t>(bytes_[at_++]);
    }
    uint64_t varint();
    void advance(uint64_t size) {
        check(size <= bytes_.size() - at_, "Thrift: it ends too soon");
        at_ += size;
    }

    std::string_view bytes_;
    size_t at_ = 0;
    int depth_ = 0;
};

}  // namespace r1::parquet
