"""Pure translators of other forms into messages of the public tracking API, which then go through `wire.envelope_of`.

Each message has a `messageId` made of source, object and revision: bringing the same in twice adds nothing.
"""
