//! Text against a twin that follows the definition pixel by pixel.
