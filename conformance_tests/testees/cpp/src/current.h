// What is current of a bundle: rows by name, in the order in which the names came.
#pragma once

#include <functional>
#include <vector>

#include "positions.h"
#include "precompile/reader.h"

namespace precompile {

class Current {
 public:
  // Of the segments that count. [PCB-CURR-001]
  Current(const Bundle& bundle, const std::function<bool(const Segment&)>& counts);

  const std::vector<Row>& rows() const { return rows_; }
  // The row of this name, or null.
  const Row* find(const NameView& name) const;

 private:
  const Bundle& bundle_;
  std::vector<Row> rows_;
  Positions by_name_;  // into rows_
};

}  // namespace precompile
