// The footer of a Parquet file: its schema as a tree, and where the columns of each row group lie.
// Source: apache/parquet-format, src/main/thrift/parquet.thrift, LogicalTypes.md, Encodings.md.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace r1::parquet {

enum class Physical : uint8_t { boolean, int32, int64, int96, float32, float64, bytes, fixed_bytes };

// What a value means, of the many annotations as far as JSON can tell them apart.
enum class Meaning : uint8_t {
    plain,
    text,
    json,
    decimal,
    date,
    time,
    timestamp,
    unsigned_integer,
    uuid,
    float16
};

struct Node {
    enum Kind : uint8_t { leaf, structure, list, map } kind = leaf;
    std::string name;
    bool optional = false;
    // Levels at which this value is there (def) and, of a list or map, at which it has an element.
    int def = 0;  // of the value: the number of optional and repeated nodes on the way, with itself
    int element_def = 0;
    int element_rep = 0;                          // the repetition level of a further element
    std::vector<std::unique_ptr<Node>> children;  // of a list one: its element; of a map two
    // of a leaf
    Physical type = Physical::bytes;
    Meaning meaning = Meaning::plain;
    int fixed_size = 0;                // bytes of a fixed_bytes
    int scale = 0;                     // of a decimal
    int64_t units_per_second = 1'000;  // of a time or timestamp
    int max_def = 0, max_rep = 0;
    size_t column = 0;  // the number of the leaf, from 0
};

struct ColumnChunk {
    Physical type = Physical::bytes;
    int codec = 0;
    int64_t values = 0;           // with the nulls
    int64_t begin = 0, size = 0;  // of its pages in the file
};

struct RowGroup {
    int64_t rows = 0;
    std::vector<ColumnChunk> columns;
};

struct Metadata {
    Node root;  // a structure
    std::vector<const Node*> leaves;
    std::vector<RowGroup> groups;
    int64_t rows = 0;
};

bool is_parquet(std::string_view file);
// Throws Error on what is malformed, encrypted, or points outside of the file.
Metadata read_metadata(std::string_view file);

}  // namespace r1::parquet
