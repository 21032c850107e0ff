# Ra as a side: a store on three Erlang nodes that sync their logs, this node being one of them. The
# clients are on a fourth node, and in the row `call-durable-inside` on this one, which must lead, as
# in Ra's own benchmark. `elixir … ra.exs PLUGINS DIRECTORY`, where PLUGINS holds Ra and what it
# needs. It speaks what src/sides/serve.ts speaks.

[plugins, directory] = System.argv()

paths =
  for name <- ["ra-*", "aten-*", "gen_batch_server-*", "seshat-*"],
      path <- Path.wildcard(Path.join([plugins, name, "ebin"])),
      do: String.to_charlist(path)

if length(paths) < 4, do: raise("no Ra in #{plugins}")
Enum.each(paths, &:code.add_patha/1)

# Only of functions that Erlang has, so that the other nodes need no Elixir.
[{_, store_code}] =
  Code.compile_string("""
  defmodule RaStore do
    @behaviour :ra_machine
    def init(_), do: {%{}, 0}
    def apply(_meta, {:put, key, value}, {values, puts}),
      do: {{:maps.put(key, value, values), puts + 1}, puts + 1}
    def puts({_, puts}), do: puts
  end
  """)

{:module, _, rows_code, _} = defmodule Rows do
  @keys 1000
  @clients 5
  @in_flight 2500
  @patience 120_000

  def run("call-durable", members, n) do
    timed(members, n, fn leader -> calls(leader, n) end)
  end

  def run("call-durable-inside", members, n) do
    timed(members, n, fn {_, node} = leader ->
      if node != node(), do: raise("the leader is on #{node}")
      calls(leader, n)
    end)
  end

  def run("pipelined-durable", members, n) do
    timed(members, n, fn leader ->
      1..@clients
      |> Enum.map(fn _ -> Task.async(fn -> pipelined(leader, div(n, @clients)) end) end)
      |> Task.await_many(@patience)
    end)
  end

  defp timed(members, n, work) do
    {:ok, _, leader} = :ra.members(hd(members))
    before = puts(leader)
    {microseconds, _} = :timer.tc(fn -> work.(leader) end)
    expect(puts(leader) - before, n)
    n / microseconds * 1.0e6
  end

  defp puts(leader) do
    {:ok, puts, _} = :ra.consistent_query(leader, &RaStore.puts/1, @patience)
    puts
  end

  defp calls(_leader, 0), do: :ok

  defp calls(leader, n) do
    {:ok, _, _} = :ra.process_command(leader, put(n))
    calls(leader, n - 1)
  end

  defp pipelined(leader, n) do
    window = min(n, div(@in_flight, @clients))
    for number <- 1..window, do: send_put(leader, number)
    await(leader, window + 1, n, n)
  end

  defp await(_leader, _next, _last, 0), do: :ok

  defp await(leader, next, last, missing) do
    receive do
      {:ra_event, _, {:applied, applied}} ->
        count = length(applied)
        upto = min(next + count - 1, last)
        if next <= last, do: for(number <- next..upto, do: send_put(leader, number))
        await(leader, upto + 1, last, missing - count)
    after
      @patience -> raise("nothing was applied")
    end
  end

  defp send_put(leader, number), do: :ra.pipeline_command(leader, put(number), number, :normal)

  defp put(number), do: {:put, "k#{rem(number, @keys)}", :binary.copy("a", 64)}

  defp expect(actual, expected) when actual == expected, do: :ok
  defp expect(actual, expected), do: raise("expected a count of #{expected}, got #{actual}")
end

defmodule Serve do
  def loop(members, client) do
    case IO.gets("") do
      line when is_binary(line) ->
        [row, operations] = String.split(line)
        IO.puts(answer(row, members, String.to_integer(operations), client))
        loop(members, client)

      _ended ->
        :ok
    end
  end

  # Each row has a process of its own, so that no heap is handed on.
  defp answer(row, members, operations, client) do
    from = if row == "call-durable-inside", do: node(), else: client
    ~s({"value":#{:erpc.call(from, Rows, :run, [row, members, operations])}})
  rescue
    error -> ~s({"error":#{inspect(Exception.message(error))}})
  end
end

:logger.set_primary_config(:level, :error)
shown = Enum.flat_map(paths, fn path -> [~c"-pa", path] end)
quiet = [~c"-kernel", ~c"logger_level", ~c"error"]

start = fn name, more ->
  args = [~c"-setcookie", ~c"bench"] ++ quiet ++ shown ++ more
  {:ok, _peer, node} = :peer.start_link(%{name: name, host: ~c"127.0.0.1", args: args})
  {:module, _} = :erpc.call(node, :code, :load_binary, [RaStore, ~c"ra_store", store_code])
  node
end

others = for name <- [:ra1, :ra2], do: start.(name, [])
# The client's code is Elixir's.
client = start.(:ra_client, Enum.flat_map(:code.get_path(), fn path -> [~c"-pa", path] end))
{:module, _} = :erpc.call(client, :code, :load_binary, [Rows, ~c"rows", rows_code])

for node <- [node() | others] do
  own = String.to_charlist(Path.join(directory, Atom.to_string(node)))
  {:ok, _} = :erpc.call(node, :ra, :start_in, [own])
end

members = for node <- [node() | others], do: {:store, node}
{:ok, _, _} = :ra.start_cluster(:default, :store, {:module, RaStore, %{}}, members)

IO.puts(~s({"ready":true}))
Serve.loop(members, client)
