//! Builtin operator codes of the TensorFlow Lite schema that have a kernel here.

macro_rules! opcodes {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $text:literal;)*) => {
        $($(#[$doc])* pub const $name: i32 = $code;)*

        /// The schema's name of an operator that has a kernel here.
        pub fn name(code: i32) -> Option<&'static str> {
            match code {
                $($code => Some($text),)*
                _ => None,
            }
        }
    };
}

opcodes! {
    /// Element-wise sum with broadcasting.
    ADD = 0, "ADD";
    /// Mean over windows.
    AVERAGE_POOL_2D = 1, "AVERAGE_POOL_2D";
    /// Convolution.
    CONV_2D = 3, "CONV_2D";
    /// Convolution of each channel by itself.
    DEPTHWISE_CONV_2D = 4, "DEPTHWISE_CONV_2D";
    /// Integers to float32.
    DEQUANTIZE = 6, "DEQUANTIZE";
    /// Matrix product with constant weights.
    FULLY_CONNECTED = 9, "FULLY_CONNECTED";
    /// Maximum over windows.
    MAX_POOL_2D = 17, "MAX_POOL_2D";
    /// Nothing below zero.
    RELU = 19, "RELU";
    /// Nothing below zero or above six.
    RELU6 = 21, "RELU6";
    /// Same bytes, other shape.
    RESHAPE = 22, "RESHAPE";
    /// Normalised exponentials over the last dimension.
    SOFTMAX = 25, "SOFTMAX";
    /// Border of zeros.
    PAD = 34, "PAD";
    /// Mean over axes.
    MEAN = 40, "MEAN";
    /// Same bytes, dimensions of one dropped.
    SQUEEZE = 43, "SQUEEZE";
    /// Border of a constant.
    PADV2 = 60, "PADV2";
    /// Same bytes, one dimension of one more.
    EXPAND_DIMS = 70, "EXPAND_DIMS";
    /// To integers, or from one quantisation to another.
    QUANTIZE = 114, "QUANTIZE";
}
