// Precompile Bundle, version 1: everything of this library.
#pragma once

#include "precompile/context.h"
#include "precompile/reader.h"
#include "precompile/result.h"
#include "precompile/trust.h"
#include "precompile/verifier.h"
#include "precompile/writer.h"
