#include "formats/parquet_thrift.h"

namespace r1::parquet {

uint64_t ThriftReader::varint() {
    uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
        const uint8_t next = byte();
        value |= uint64_t{next & 127u} << shift;
        if (next < 128) return value;
    }
    fail("Thrift: a number of more than 64 bits");
}

int64_t ThriftReader::integer() {
    const uint64_t value = varint();
    return static_cast<int64_t>(value >> 1 ^ (~(value & 1) + 1));
}

std::string_view ThriftReader::string() {
    const uint64_t size = varint();
    const size_t begin = at_;
    advance(size);
    return bytes_.substr(begin, size);
}

ThriftReader::ListHead ThriftReader::list_head() {
    const uint8_t head = byte();
    const uint64_t size = head >> 4 == 15 ? varint() : head >> 4;
    // each element has at least one byte
    check(size <= bytes_.size() - at_, "Thrift: a list is longer than the bytes that hold it");
    return {static_cast<Type>(head & 15), size};
}

void ThriftReader::skip(Type type) {
    switch (type) {
        case yes:
        case no:
            return;
        case i8:
            return advance(1);
        case i16:
        case i32:
        case i64:
            varint();
            return;
        case number:
            return advance(8);
        case binary:
            string();
            return;
        case list:
        case set: {
            check(++depth_ <= 16, "Thrift: lists nested deeper than 16");
            const auto [element, size] = list_head();
            for (uint64_t i = 0; i < size; ++i) {
                if (element == yes || element == no) {
                    advance(1);
                } else {
                    skip(element);
                }
            }
            --depth_;
            return;
        }
        case structure:
            return structure_fields([&](int, Type field) { skip(field); });
        default:
            fail("Thrift: a field of type ", static_cast<int>(type), ", which Parquet does not use");
    }
}

}  // namespace r1::parquet
