-- An order's lines once: they are rows of `order_lines`.
UPDATE orders SET fold = json_remove(fold, '$.lines') WHERE instr(fold, '"lines"');
